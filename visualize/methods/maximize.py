"""Activation maximization: the input that a unit answers to most."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from visualize import models, targets, tracing
from visualize.ascent import Climb, first_state, noise, trace_of
from visualize.card import checked_range
from visualize.errors import InputError
from visualize.inputs import Inputs, checked_batch_size, checked_count, example, inputs_of, picture_shape
from visualize.lazy import tf
from visualize.results import Tiles

__all__ = ["maximize"]

STEPS_A_CALL = 10  # of the ascent in one call of its graph: often enough to show progress
MOST_UNITS = 100  # that are maximized without being named


def maximize(
    model: Any,
    target: Any = None,
    *,
    layer: str | None = None,
    steps: int = 200,
    step_size: float = 0.02,
    lp_norm: float = 10.0,
    total_variation: float = 150.0,
    jitter: int = 1,
    input_range: tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    frames: int = 0,
    start: Any = None,
    explained: str | None = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Tiles:
    """Climb to the input for which the score of a class, or the mean activation of a unit, is highest.

    Erhan et al. (2009), "Visualizing higher-layer features of a deep network"; Simonyan, Vedaldi & Zisserman (2013),
    arXiv:1312.6034, section 2; total variation after Mahendran & Vedaldi (2014), arXiv:1412.0035. Steps of RMSprop go down
    -score / scale + (lp_norm * |x|_6 + total_variation * sum of squared differences of neighbors) / pixels, where x is the
    input in parts of the input range, and scale the length of the score's slope where the climb begins: so the weights mean
    the same for a logit and for a unit deep in the network. After each step x is cut to the range; the best input on the way
    is kept.

    Args:
        model: Keras model.
        target: class, or unit of `layer`; several as a sequence; by default every one (up to 100).
        layer: path of the layer whose units are meant; by default the model's scores. The unit of a map is a channel, and its
            answer the mean of the map.
        steps: steps of the ascent.
        step_size: what a step changes, as a part of the input range, about.
        lp_norm: weight of the norm, which draws pixels to zero.
        total_variation: weight of the total variation, which keeps neighbors alike; less makes stripes, more makes
            clouds.
        jitter: before each step the input is shifted by up to so many pixels, around the border.
        input_range: lowest and highest value of a pixel; by default what the model's card says, else 0 and 255 for a model
            with a Rescaling layer and 0 and 1 for any other.
        size: height and width of the input, for a model that takes any.
        frames: how many pictures of the ascent to keep, beside the best one; they are also written as a GIF.
        start: (height, width, channels) to start from; by default gray with noise. For a model of several inputs a dict of one
            row for each by name, in which the others stay as they are; by default they are zero.
        explained: name of the input to climb on, for a model of several inputs.
        batch_size: units that climb at a time; by default as many as suit the size of the input.
        seed: of the noise and of the jitter.

    Returns:
        Tiles, (units, height, width, channels), within the input range; `settings["scores"]` has what each unit answers to its
        tile. Each unit climbs as if it were alone, all of them in one batch inside one graph.

    Raises:
        InputError: `target` or `layer` is not of the model, or a number is out of its range.

    Example:
        visualize maximize model.keras --target 3 --target 8 --frames 20
    """
    checked_count("seed", seed, 0)
    _check_numbers(steps=steps, step_size=step_size, lp_norm=lp_norm, total_variation=total_variation, jitter=jitter)
    if not 0 <= frames <= steps:
        raise InputError(f"`frames` must be between 0 and `steps`, {steps}. Received: {frames}.")
    path = None if layer is None else models.find_layer(layer, list(models.layers(model)))
    card = models.card(model)
    chosen_range = models.range_of(model)[0] if input_range is None else checked_range("`input_range`", input_range)
    climb = Climb(path, step_size, lp_norm, total_variation, *chosen_range)
    inputs = _start(model, start, explained, size)
    trace = trace_of(model, inputs, climb)
    names = card.class_names if path is None else ()
    targets.check_names(names, trace.notes["units"])
    units = _units(target, trace.notes["units"], names)
    others = {name: tf.constant(array) for name, array in inputs.arrays.items() if name != inputs.explained}
    shifts = np.random.default_rng(seed).integers(-jitter, jitter, (steps, 2), dtype="int32", endpoint=True)
    keep = {round((number + 1) * steps / frames) for number in range(frames)}

    parts = []
    for first, last in tracing.slices(len(units), checked_batch_size(batch_size, inputs)):
        chosen = units[first:last]
        shape = inputs.images.shape[1:]
        images = noise(chosen, shape, climb, seed) if start is None else np.repeat(inputs.images, len(chosen), axis=0)
        state = first_state(np.clip(images, climb.low, climb.high).astype(inputs.images.dtype))
        parts.append(_climbed(trace, state, {"units": tf.constant(chosen), **others}, shifts, keep, (first, len(units))))

    scores = np.concatenate([score for _, score, *_ in parts])
    settings = {
        "layer": path,
        "targets": units.tolist(),
        "scores": [float(score) for score in scores],
        "score": trace.notes["score"],
        "steps": steps,
        "step_size": step_size,
        "lp_norm": lp_norm,
        "total_variation": total_variation,
        "jitter": jitter,
        "input_range": [climb.low, climb.high],
        "input_range_assumed": input_range is None and card.input_range is None,
        "held": dict.fromkeys(others, "zeros" if start is None else "as given"),
        "seed": seed,
        "unit": "pixel",
        "still": units[np.concatenate([scale for *_, scale in parts]) == 0].tolist(),
    }
    captions = tuple(
        f"{targets.name_of(unit, names)}: {score:.4g}" for unit, score in zip(units.tolist(), scores, strict=True)
    )
    kept = np.concatenate([kept for _, _, kept, _ in parts], axis=1) if frames else None
    return Tiles(np.concatenate([best for best, *_ in parts]), captions, False, "maximize", settings, frames=kept)


def _climbed(
    trace: tracing.Trace,
    state: dict[str, Any],
    fixed: dict[str, Any],
    shifts: np.ndarray,
    keep: set[int],
    place: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    """The best inputs, what the units answer to them, the inputs after the steps in `keep`, and the scale of each slope."""
    done, units = place
    steps, count = len(shifts), len(state["images"])
    ends = sorted({*range(0, steps, STEPS_A_CALL), steps, *keep})
    frames = []
    for begin, end in itertools.pairwise(ends):
        state = _stepped(trace, state, fixed, shifts[begin:end])[0]
        if end in keep:
            frames.append(state["images"].numpy())
        tracing.report_progress(done * steps + end * count, units * steps)
    # One more step looks at the last input, which may be the best; a second one, from the best, tells its score.
    still = np.zeros((1, 2), "int32")
    best = _stepped(trace, state, fixed, still)[0]["best"]
    score = _stepped(trace, {**state, "images": best}, fixed, still)[1]
    return best.numpy(), score.numpy(), np.stack(frames) if frames else None, state["scale"].numpy()


def _stepped(trace: tracing.Trace, state: dict, fixed: dict, shifts: np.ndarray) -> tuple[dict[str, Any], Any]:
    after = dict(trace(**state, **fixed, shifts=tf.constant(shifts)))
    return after, after.pop("score")


def _start(model: Any, start: Any, explained: str | None, size: tuple[int, int] | None) -> Inputs:
    """The inputs to start from, with the picture's size settled."""
    for length in size or ():
        checked_count("size", length, 1)
    if start is None:
        inputs = example(model, size, explained)
    else:
        shape = picture_shape(model, explained)
        alone = not isinstance(start, dict) and np.ndim(start) == (3 if shape is None else len(shape))
        inputs = inputs_of(model, np.asarray(start)[None] if alone else start, explained)
    if inputs.images.ndim != 4:
        shape = inputs.images.shape[1:]
        raise InputError(f"The model must take pictures, (height, width, channels). Received: one that takes {shape}.")
    if len(inputs.images) != 1:
        raise InputError(f"`start` must be one picture, (height, width, channels). Received: {len(inputs.images)} of them.")
    return inputs


def _units(target: Any, count: int, names: Sequence[str]) -> np.ndarray:
    if target is None:
        if count > MOST_UNITS:
            raise InputError(f"`target` must name the units to maximize: there are {count}. Received: None.")
        return np.arange(count, dtype="int32")
    plain, function = targets.split_target(target)
    if function is not None:
        raise InputError("`target` must be classes or units here. Received: a function.")
    several = list(plain) if isinstance(plain, list | tuple | range | np.ndarray) else [plain]
    return targets.indices(several, len(several), count, names)


def _check_numbers(*, steps: int, step_size: float, lp_norm: float, total_variation: float, jitter: int) -> None:
    if steps < 1:
        raise InputError(f"`steps` must be at least 1. Received: {steps}.")
    if not step_size > 0:
        raise InputError(f"`step_size` must be above 0. Received: {step_size}.")
    for name, value in (("lp_norm", lp_norm), ("total_variation", total_variation), ("jitter", jitter)):
        if not value >= 0:
            raise InputError(f"`{name}` must not be negative. Received: {value}.")
    for name, value in (("step_size", step_size), ("lp_norm", lp_norm), ("total_variation", total_variation)):
        if math.isinf(value):
            raise InputError(f"`{name}` must be a finite number. Received: {value}.")
    checked_count("steps", steps, 1)
    checked_count("jitter", jitter, 0)
