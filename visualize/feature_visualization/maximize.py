"""Activation maximization: the input that a unit answers to most."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from visualize import targets
from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_number, checked_word, is_number, received, renamed_keywords
from visualize.engine import compile as tracing
from visualize.errors import InputError
from visualize.feature_visualization import transforms
from visualize.feature_visualization.aims import aim_of, every_unit, wished_by
from visualize.feature_visualization.climbing import begun, climbed
from visualize.feature_visualization.listeners import checked_callbacks, told
from visualize.feature_visualization.objectives import Source, number_of
from visualize.feature_visualization.optimizer import Climb, trace_of
from visualize.feature_visualization.parametrizations import KINDS
from visualize.feature_visualization.regularizers import checked_regularizers
from visualize.models.card import checked_range
from visualize.models.input_range import range_of
from visualize.models.inputs import Inputs, checked_batch_size, example_inputs, input_shapes, inputs_of
from visualize.models.layers import card_of, find_layer, layers_by_path
from visualize.results import Tiles

__all__ = ["maximize"]

OTHERS = {1: "vectors", 2: "sequences", 4: "volumes"}  # what a model takes that is no picture, by its axes


@renamed_keywords(explained="input_name")
def maximize(
    model: keras.Model,
    target: Any = None,
    *,
    layer: str | None = None,
    whole_layer: str | None = None,
    steps: int = 200,
    step_size: float = 0.02,
    parametrization: Literal["pixel", "fourier"] = "pixel",
    lp_norm: float = 10.0,
    total_variation: float = 150.0,
    jitter: int = 1,
    rotate: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    copies: int = 1,
    diversity: float = 0.0,
    regularizers: Sequence[Any] = (),
    callbacks: Sequence[Any] = (),
    input_range: tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    frames: int = 0,
    start: Any = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Tiles:
    """Climb to the input for which the score of a class, or the mean activation of a unit, is highest.

    Erhan et al. (2009), "Visualizing higher-layer features of a deep network"; Simonyan, Vedaldi & Zisserman (2013),
    arXiv:1312.6034, section 2; total variation after Mahendran & Vedaldi (2014), arXiv:1412.0035; parametrization, transforms
    and diversity after Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007. Steps of RMSprop go down
    -score / scale + (lp_norm * |x|_6 + total_variation * sum of squared differences of neighbors) / pixels, where x is the
    input in parts of the input range, and scale the length of the score's slope where the climb begins: so the weights mean
    the same for a logit and for a unit deep in the network. A unit that its ReLU silences pays nothing until it is awake.
    After each step x is cut to the range; the best input on the way is kept.

    Args:
        model: Keras model.
        target: class, or unit of `layer`; in Python also one of `visualize.objectives`, or a function of the scores; several
            as a sequence; by default every class or unit (up to 100).
        layer: path of the layer whose units are meant; by default the model's scores. The unit of a map is a channel, and its
            answer the mean of the map.
        whole_layer: path of a layer to maximize as a whole, the mean of its squared activations, in place of a target.
        steps: steps of the ascent.
        step_size: what a step changes, as a part of the input range, about.
        parametrization: "pixel" climbs by each pixel on its own; "fourier" by waves across the image, the slow ones larger,
            and for red, green and blue by colors that vary on their own.
        lp_norm: weight of the norm, which draws pixels to zero.
        total_variation: weight of the total variation, which keeps neighbors alike; less makes stripes, more makes
            clouds.
        jitter: before each step the input is shifted by up to so many pixels, around the border.
        rotate: before each step the input is turned by up to so many degrees, either way.
        scale: before each step the input is scaled by a factor between these, above 1 nearer; by default it is not.
        copies: inputs to climb to for each unit, each from noise of its own; they stand in a row.
        diversity: weight of how alike the copies of a unit are to its layer, for a class to the one that Grad-CAM reads; it
            draws them apart, visibly from 10 or so.
        regularizers: of tf-keras-vis, or functions of images, (1, height, width, channels), that return a number: it is taken
            from the score as it is. They come on top of the norm and the total variation, which can be set to 0.
        callbacks: of tf-keras-vis, called after every 10 steps, after the last, and where a frame is kept, for each batch of
            units anew, about the inputs as they stand then.
        input_range: lowest and highest value of a pixel; by default what the model's card says, else 0 and 255 for a model
            with a Rescaling layer and 0 and 1 for any other.
        size: height and width of the input, for a model that takes any.
        frames: how many pictures of the ascent to keep, beside the best one; they are also written as a GIF.
        start: (height, width, channels) to start from; by default gray with noise. For a model of several inputs a dict of one
            row for each by name, in which the others stay as they are; by default they are zero.
        input_name: name of the input to climb on, for a model of several inputs.
        batch_size: inputs that climb at a time, at least the copies of one unit; by default as many as suit their size.
        seed: of the noise and of the transforms.

    Returns:
        Tiles, (units x copies, height, width, channels), within the input range; `settings["scores"]` has what each unit
        answers to its tile. Each unit climbs as if it were alone, all of them in one batch inside one graph.

    Raises:
        InputError: `target` or `layer` is not of the model, a number is out of its range, or an option would change nothing.

    Example:
        visualize maximize model.keras --target 3 --target 8 --frames 20
    """
    checked_count("seed", seed, 0)
    checked_count("copies", copies, 1)
    numbers = {"lp_norm": lp_norm, "total_variation": total_variation, "jitter": jitter, "rotate": rotate}
    _check_numbers(steps, step_size, scale, {**numbers, "diversity": diversity})
    checked_word("parametrization", parametrization, tuple(KINDS))
    if diversity and copies == 1:
        raise InputError(f"`diversity` is between copies of one unit: `copies` must be at least 2. Received: {copies}.")
    if not 0 <= checked_count("frames", frames, 0) <= steps:
        raise InputError(f"`frames` must be between 0 and `steps`, {steps}. Received: {frames}.")
    regularizers, callbacks = checked_regularizers(regularizers), checked_callbacks(callbacks)
    known = list(layers_by_path(model))
    home = Source("scores") if layer is None else Source("units", find_layer(layer, known))
    wished = wished_by(target, layer, whole_layer, home, known)
    card = card_of(model)
    low, high = range_of(model)[0] if input_range is None else checked_range("`input_range`", input_range)
    inputs = _start(model, start, input_name, size)
    kind = KINDS[parametrization](inputs.images.shape[1:], low, high)
    moves = transforms.draw_moves(steps, jitter, rotate, scale, seed)
    sources = (home,) if wished is None else tuple(dict.fromkeys(one for each in wished for one in each.sources))
    penalties = (lp_norm, total_variation, copies if diversity else 1, diversity, regularizers)
    climb = Climb(sources, kind, step_size, *penalties, "warps" in moves)
    trace = trace_of(model, inputs, climb)
    counts = trace.notes["counts"]
    if Source("scores") in sources:
        targets.check_class_names(card.class_names, counts[sources.index(Source("scores"))])
    wished = every_unit(home, counts[0]) if wished is None else wished
    weights = [one.weights(sources, counts, card.class_names) for one in wished]
    numbers = [number_of(sources, row) for row in weights]
    others = [name for name in inputs.arrays if name != inputs.input_name]
    at_once = max(1, checked_batch_size(batch_size, inputs) // copies)
    begin = {"score": target, "seed_input": start, "input_range": (low, high), "regularizers": regularizers, "steps": steps}
    found = climbed(
        trace,
        begun(kind, numbers, copies, None if start is None else inputs.images, seed, inputs.images.dtype),
        {
            f"weights_{number}": np.repeat(np.stack(rows), copies, axis=0)
            for number, rows in enumerate(zip(*weights, strict=True))
        },
        {f"held_{name}": tf.constant(inputs.arrays[name]) for name in others},
        moves,
        {round((number + 1) * steps / frames) for number in range(frames)},
        [(first * copies, last * copies) for first, last in tracing.even_slices(len(wished), at_once)],
        functools.partial(told, callbacks, model, inputs, climb, begin),
    )

    aims = [aim_of(one, home, sources, row, card.class_names) for one, row in zip(wished, weights, strict=True)]
    aims = [aim for aim in aims for _ in range(copies)]  # one a tile
    class_names = card.class_names if home.kind == "scores" else ()
    settings = {
        "layer": home.layer,
        "targets": aims,
        "scores": [float(score) for score in found.scores],
        "score": trace.notes["score"],
        "steps": steps,
        "step_size": step_size,
        "parametrization": parametrization,
        "lp_norm": lp_norm,
        "total_variation": total_variation,
        "jitter": jitter,
        "rotate": rotate,
        "scale": list(scale),
        "copies": copies,
        "diversity": diversity,
        "regularizers": [getattr(one, "name", getattr(one, "__name__", type(one).__name__)) for one in regularizers],
        "input_range": [low, high],
        "input_range_assumed": input_range is None and card.input_range is None,
        "held": dict.fromkeys(others, "zeros" if start is None else "as given"),
        "seed": seed,
        "unit": "pixel",
        "still": list(dict.fromkeys(aim for aim, still in zip(aims, found.still, strict=True) if still)),
    }
    if copies > 1:
        settings["columns"] = copies
    if diversity:
        settings["diversity_layers"] = trace.notes["diversity_layers"]
    names = [aim if isinstance(aim, str) else targets.class_name(aim, class_names) for aim in aims]
    captions = tuple(f"{name}: {score:.4g}" for name, score in zip(names, found.scores, strict=True))
    return Tiles(found.images, captions, False, "maximize", settings, frames=found.frames)


def _start(model: Any, start: Any, input_name: str | None, size: tuple[int, int] | None) -> Inputs:
    """The inputs to start from, with the picture's size settled."""
    if size is not None and (not isinstance(size, list | tuple) or len(size) != 2):
        raise InputError(f"`size` must be (height, width). Received: {received(size)}.")
    for length in size or ():
        checked_count("size", length, 1)
    if start is None:
        inputs = example_inputs(model, size, input_name)
    else:
        axes = [len(shape) for name, shape in input_shapes(model).items() if input_name in (None, name)] or [3]
        alone = not isinstance(start, dict) and np.ndim(start) == axes[0]
        inputs = inputs_of(model, np.asarray(start)[None] if alone else start, input_name)
    if inputs.images.ndim != 4:
        shape = input_shapes(model).get(inputs.input_name, inputs.images.shape[1:])
        kind = OTHERS.get(len(shape), "arrays")
        raise InputError(f"`maximize` needs a model of pictures, (height, width, channels). Received: one of {kind}, {shape}.")
    if len(inputs.images) != 1:
        raise InputError(f"`start` must be one picture, (height, width, channels). Received: {len(inputs.images)} of them.")
    return inputs


def _check_numbers(steps: int, step_size: float, scale: tuple[float, float], others: Mapping[str, float]) -> None:
    for name, value in {"steps": steps, "step_size": step_size, **others}.items():
        checked_number(name, value)
    if steps < 1:
        raise InputError(f"`steps` must be at least 1. Received: {steps}.")
    if not step_size > 0:
        raise InputError(f"`step_size` must be above 0. Received: {step_size}.")
    factors = isinstance(scale, list | tuple) and len(scale) == 2 and all(map(is_number, scale))
    if not factors or not 0 < scale[0] <= scale[1]:
        raise InputError(f"`scale` must be two factors above 0, the lower first. Received: {received(scale)}.")
    for name, value in others.items():
        if not value >= 0:
            raise InputError(f"`{name}` must not be negative. Received: {value}.")
    checked_count("steps", steps, 1)
    checked_count("jitter", others["jitter"], 0)
