"""Activation maximization: the input that a unit responds to most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_number, checked_word, is_number, received, renamed_keywords
from visualize.engine.compile import CompiledGraph, even_slices
from visualize.errors import InputError
from visualize.feature_visualization.batches import (
    BeginCallbacks,
    Optimization,
    OptimizedImages,
    callback_context,
    flat_parameters,
    starting_parameters,
)
from visualize.feature_visualization.defaults import default_parametrization, with_defaults
from visualize.feature_visualization.optimizer import Optimizer
from visualize.feature_visualization.parametrizations import PARAMETRIZATIONS, MagnitudeConstrained, Parametrization
from visualize.feature_visualization.readout import ReadoutSpec
from visualize.feature_visualization.request import RequestedObjectives, StartImages, WeightedObjectives
from visualize.feature_visualization.spectrum import natural_spectrum, spectrum_from_pictures
from visualize.feature_visualization.strongest import measuring_pictures, strongest_units
from visualize.feature_visualization.transforms import TransformRanges
from visualize.models.inputs import Inputs, checked_batch_size
from visualize.models.layers import card_of, layer_paths, listed
from visualize.results import Tiles
from visualize.settings import Display, TilesSettings
from visualize.targets import class_name
from visualize.tf_keras_vis import Regularizer, checked_callbacks, checked_regularizers

__all__ = ["maximize"]


@renamed_keywords(explained="input_name")
def maximize(
    model: keras.Model,
    target: Any = None,
    *,
    layer: str | None = None,
    whole_layer: str | None = None,
    output: str | None = None,
    most: int | None = None,
    steps: int | None = None,
    step_size: float | None = None,
    parametrization: Literal["auto", "pixel", "fourier", "maco"] = "auto",
    spectrum_from: str | Sequence[str] | np.ndarray | None = None,
    lp_norm: float | None = None,
    total_variation: float | None = None,
    jitter: int | None = None,
    rotate: float | None = None,
    scale: tuple[float, float] | None = None,
    noise: float | None = None,
    alpha: Literal["none", "saliency"] = "none",
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
    """Find the input for which the score of a class, or the mean activation of a unit, is highest.

    Erhan et al. (2009), "Visualizing higher-layer features of a deep network"; Simonyan, Vedaldi & Zisserman (2013),
    arXiv:1312.6034, section 2; total variation after Mahendran & Vedaldi (2014), arXiv:1412.0035; waves, decorrelated colors,
    transforms and diversity after Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007; "maco" after Fel et al.
    (2023), arXiv:2306.06805. Steps of Adam along the normalized gradient minimize
    -score / scale + (lp_norm * |x|_6 + total_variation * sum of squared differences of neighbors) / pixels, where x is the
    input in parts of the input range, and scale the length of the score's gradient at the first step: so the weights mean
    the same for a logit and for a unit deep in the network, and models that differ in their input range alone get the same
    picture. A dead unit, whose ReLU is zero everywhere, is not regularized until it is active. The input stays within the
    range; of the best input of all steps, the last, the first and a gray one, that of the highest score without transforms
    is returned.

    Args:
        model: Keras model.
        target: class, or unit of `layer`; in Python also one of `visualize.objectives`, or a function of the scores; several
            as a sequence; by default every class or unit (up to 100).
        layer: path of the layer whose units are meant; by default the model's scores. The unit of a feature map is a channel,
            and its activation the mean of the map.
        whole_layer: path of a layer to maximize as a whole, the mean of its squared activations, in place of a target.
        output: name of the output whose scores are meant, for a model of several.
        most: how many units to maximize where no target is given: the strongest, those of the highest mean activation over 32
            random pictures with the spectrum of photographs, or for `start`.
        steps: steps of the optimizer; by default 200.
        step_size: about how much a step changes a pixel, as a part of the input range; by default what suits the
            parametrization.
        parametrization: "pixel" optimizes each pixel on its own; "fourier" optimizes waves across the image, larger at low
            frequencies, and decorrelates red, green and blue; "maco" optimizes where waves are that are as large as in natural
            images. By default ("auto") waves for pictures in color of at least 64 pixels, else pixels.
        spectrum_from: pictures whose waves "maco" takes the sizes of: files, folders or patterns such as "photos/*.jpg"; in
            Python also (batch, height, width, channels) in the input range. By default three photographs.
        lp_norm: weight of the norm, which pulls pixels to zero; by default 10 for pixels, else 0.
        total_variation: weight of the total variation, which keeps neighbors similar; less of it makes stripes, more makes
            clouds. By default what suits the parametrization.
        jitter: before each step the input is shifted by up to this many pixels, around the border; by default 8 for waves
            across at least 64 pixels, else 1.
        rotate: before each step the input is rotated by up to this many degrees, either way.
        scale: before each step the input is scaled by a factor between these two; above 1 a part of it is enlarged, anywhere
            within it. By default 1 to 3 for waves across at least 64 pixels, else it is not scaled.
        noise: standard deviation of the noise that is added before each step, as a part of the input range; by default only
            with "maco".
        alpha: "saliency" lets the figure fade to white where pixels mattered little on the way. It is also part of the result.
        copies: inputs for each unit, each from noise of its own; the figure shows them in one row.
        diversity: weight of the similarity of the copies of a unit in its layer, for a class in the one that Grad-CAM reads;
            it makes them different, visibly from about 10.
        regularizers: of tf-keras-vis, or functions of images, (1, height, width, channels), that return a number, which is
            subtracted from the score. They are added to the norm and the total variation, which can be set to 0.
        callbacks: of tf-keras-vis, called after every 10 steps, after the last, and where a frame is kept, for each batch of
            units anew, with the inputs as they are then.
        input_range: lowest and highest value of a pixel; by default what the model's card says, else 0 and 255 for a model
            with a Rescaling layer and 0 and 1 for any other.
        size: height and width of the input, for a model that takes any.
        frames: how many pictures of the optimization to keep, beside the best one; they are also written as a GIF.
        start: (height, width, channels) to start from; by default gray with noise. For a model of several inputs a dict of one
            row for each by name, in which the others stay as they are; by default they are zero.
        input_name: name of the input to optimize, for a model of several inputs.
        batch_size: inputs to optimize at a time, at least the copies of one unit; by default as many as suit their size.
        seed: of the noise and of the transforms.

    Returns:
        Tiles, (units x copies, height, width, channels), within the input range; `settings["scores"]` has the score or
        activation for each tile, and `saliency`, (units x copies, height, width), how much each pixel mattered: the size of
        the score's gradient, summed over the steps, the largest 1. Each unit is optimized independently of the others, all of
        them in one graph.

    Raises:
        InputError: `target` or `layer` is not of the model, a number is out of its range, or an option would change nothing.

    Example:
        visualize maximize model.keras --target 3 --target 8 --frames 20
    """
    callbacks = checked_callbacks(callbacks)
    requested = RequestedObjectives.of(target, layer, whole_layer, most, layer_paths(model))
    requested.check_output(output)
    checked_word("parametrization", parametrization, ("auto", *PARAMETRIZATIONS))
    start_images = StartImages.of(model, start, input_name, size, input_range)
    chosen = default_parametrization(start_images.shape) if parametrization == "auto" else parametrization
    numbers = {
        "steps": steps,
        "step_size": step_size,
        "lp_norm": lp_norm,
        "total_variation": total_variation,
        "jitter": jitter,
        "rotate": rotate,
        "scale": scale,
        "noise": noise,
    }
    settings = Maximization(
        **with_defaults(numbers, chosen, start_images.shape),
        parametrization=chosen,
        spectrum_from=spectrum_from,
        alpha=alpha,
        copies=copies,
        diversity=diversity,
        frames=frames,
        regularizers=regularizers,
        seed=seed,
    )
    optimizer = settings.optimizer(ReadoutSpec(start_images.inputs.signature, requested.sources, output), start_images)
    graph = optimizer.compiled(model, start_images.inputs)
    counts, units = graph.notes["counts"], None
    if most is not None:
        pictures = settings.measuring_pictures(start_images)
        units = strongest_units(model, optimizer.readout, start_images.inputs, pictures, counts[0], most, batch_size)
    class_names = card_of(model).class_names if output is None else ()  # those of a model's only output
    objectives = requested.weighted(counts, class_names, units)
    arguments = {"score": target, "seed_input": start, "input_range": start_images.input_range, **settings.callback_arguments}
    begun = callback_context(callbacks, arguments, model, start_images.inputs, optimizer)
    optimized = _optimized(settings, objectives, start_images, batch_size, optimizer.parametrization, graph, begun)
    return _tiles(settings, objectives, start_images, {**graph.notes, "output": output}, optimized)


@dataclass(frozen=True, kw_only=True)
class Maximization:
    """The numbers of `maximize`, checked; see there. All but `frames` and `alpha` are part of the result's settings."""

    steps: int
    step_size: float
    parametrization: str
    spectrum_from: Any
    lp_norm: float
    total_variation: float
    jitter: int
    rotate: float
    scale: tuple[float, float]
    noise: float
    alpha: str
    copies: int
    diversity: float
    frames: int
    regularizers: Sequence[Regularizer]
    seed: int

    def __post_init__(self):
        checked_count("seed", self.seed, 0)
        checked_count("copies", self.copies, 1)
        self._check_numbers()
        checked_word("alpha", self.alpha, ("none", "saliency"))
        if self.spectrum_from is not None and self.parametrization != "maco":
            raise InputError(f"`spectrum_from` is for `parametrization` 'maco' alone. Received: {self.parametrization!r}.")
        if self.diversity and self.copies == 1:
            raise InputError(
                f"`diversity` is between copies of one unit: `copies` must be at least 2. Received: {self.copies}."
            )
        if not 0 <= checked_count("frames", self.frames, 0) <= self.steps:
            raise InputError(f"`frames` must be between 0 and `steps`, {self.steps}. Received: {self.frames}.")
        object.__setattr__(self, "regularizers", checked_regularizers(self.regularizers))

    def _check_numbers(self) -> None:
        not_negative = ("lp_norm", "total_variation", "jitter", "rotate", "noise", "diversity")
        for name in ("steps", "step_size", *not_negative):
            checked_number(name, getattr(self, name))
        if self.steps < 1:
            raise InputError(f"`steps` must be at least 1. Received: {self.steps}.")
        if not self.step_size > 0:
            raise InputError(f"`step_size` must be above 0. Received: {self.step_size}.")
        factors = isinstance(self.scale, list | tuple) and len(self.scale) == 2 and all(map(is_number, self.scale))
        if not factors or not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(f"`scale` must be two factors above 0, the lower first. Received: {received(self.scale)}.")
        for name in not_negative:
            if not getattr(self, name) >= 0:
                raise InputError(f"`{name}` must not be negative. Received: {getattr(self, name)}.")
        checked_count("steps", self.steps, 1)
        checked_count("jitter", self.jitter, 0)

    @property
    def ranges(self) -> TransformRanges:
        """What the transforms of the steps are drawn from."""
        return TransformRanges(self.jitter, self.rotate, self.scale, self.noise)

    @property
    def frame_steps(self) -> set[int]:
        """After which steps frames are kept."""
        return {round((number + 1) * self.steps / self.frames) for number in range(self.frames)}

    @property
    def callback_arguments(self) -> dict[str, Any]:
        """What callbacks receive of the settings before the first step."""
        return {"regularizers": self.regularizers, "steps": self.steps}

    def parametrization_of(self, start: StartImages) -> Parametrization:
        """The parametrization of images of that shape and range."""
        if self.parametrization != "maco":
            return PARAMETRIZATIONS[self.parametrization](start.shape, *start.input_range)
        if self.spectrum_from is None:
            magnitudes = natural_spectrum(start.shape)
        else:
            magnitudes = spectrum_from_pictures(self.spectrum_from, start.shape, start.input_range)
        return MagnitudeConstrained(start.shape, *start.input_range, magnitudes.astype("float32").tobytes())

    def measuring_pictures(self, start: StartImages) -> np.ndarray:
        """The pictures for which the strongest units are those of the highest mean activation."""
        if start.picture is not None:
            return start.picture
        return measuring_pictures(start.shape, start.input_range, self.seed, start.inputs.images.dtype)

    def optimizer(self, readout: ReadoutSpec, start: StartImages) -> Optimizer:
        """The program of the steps."""
        return Optimizer(
            readout=readout,
            parametrization=self.parametrization_of(start),
            step_size=self.step_size,
            lp_norm=self.lp_norm,
            total_variation=self.total_variation,
            diversity=self.diversity,
            copies=self.copies if self.diversity else 1,
            regularizers=tuple(self.regularizers),
            transforms=self.ranges.names,
        )

    def options(self) -> dict[str, Any]:
        """The settings as the result states them: plain JSON values."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("frames", "alpha")}
        names = [getattr(each, "name", getattr(each, "__name__", type(each).__name__)) for each in self.regularizers]
        values.update(spectrum_from=self._spectrum_name, scale=list(self.scale), regularizers=names)
        return values

    @property
    def _spectrum_name(self) -> str | list[str] | None:
        """Where the sizes of waves come from, as the result states it."""
        if self.parametrization != "maco":
            return None
        match self.spectrum_from:
            case None:
                return "three photographs"
            case str() | Path():
                return [str(self.spectrum_from)]
            case list() | tuple() if all(isinstance(path, str | Path) for path in self.spectrum_from):
                return list(map(str, self.spectrum_from))
        return f"an array of {len(self.spectrum_from)} pictures"


def _optimized(
    settings: Maximization,
    objectives: WeightedObjectives,
    start: StartImages,
    batch_size: int | None,
    parametrization: Parametrization,
    graph: CompiledGraph,
    begun: BeginCallbacks,
) -> OptimizedImages:
    """The images after all steps."""
    copies, inputs = settings.copies, start.inputs
    if graph.notes["of_batch"] and not settings.diversity:
        batches = even_slices(len(objectives.weights) * copies, inputs.fixed_batch_size or 1)
    else:
        batches = _batches(settings, len(objectives.weights), inputs, 1 if graph.notes["of_batch"] else batch_size)
    held = {f"held_{name}": tf.constant(inputs.arrays[name]) for name in inputs.others}
    parameters = starting_parameters(
        parametrization, objectives.noise_keys, copies, start.picture, settings.seed, inputs.images.dtype
    )
    flat = flat_parameters(parametrization, inputs.images.dtype)
    size = start.shape[:2]
    transforms = settings.ranges.draw(settings.steps, size, settings.seed)
    optimization = Optimization(graph, flat, transforms, held, settings.frame_steps, size, begun)
    return optimization.run(parameters, objectives.weights_of_images(copies), batches)


def _batches(settings: Maximization, units: int, inputs: Inputs, batch_size: int | None) -> list[tuple[int, int]]:
    """The first row of each batch, and the row after its last; the copies of a unit are in one batch.

    Raises:
        InputError: they do not fit into the batches of a model of a fixed batch size, where they must not be separated.
    """
    copies, fixed = settings.copies, inputs.fixed_batch_size
    if fixed is not None and settings.diversity and fixed % copies:
        raise InputError(
            f"`copies` must divide {fixed}, the batch size of the model, where `diversity` compares them. Received: {copies}."
        )
    if fixed is not None and not settings.diversity:  # it may be less than the copies of one unit
        return even_slices(units * copies, fixed)
    units_at_once = max(1, checked_batch_size(batch_size, inputs) // copies)
    return [(first * copies, last * copies) for first, last in even_slices(units, units_at_once)]


def _tiles(
    settings: Maximization,
    objectives: WeightedObjectives,
    start: StartImages,
    notes: Mapping[str, Any],
    optimized: OptimizedImages,
) -> Tiles:
    """The result: a tile for each image, with its settings and captions."""
    labels = [label for label in objectives.labels for _ in range(settings.copies)]  # one for each tile
    options = settings.options()
    if settings.diversity:
        options["diversity_layers"] = notes["diversity_layers"]
    record = TilesSettings(
        unit="pixel",
        layer=objectives.default.layer,
        output=notes["output"],
        score=notes["score"],
        targets=labels,
        scores=[float(score) for score in optimized.scores],
        still=list(dict.fromkeys(label for label, still in zip(labels, optimized.still, strict=True) if still)),
        remarks=_remarks(labels, optimized.fell, notes) or None,
        input_range=list(start.input_range),
        input_range_assumed=start.input_range_assumed,
        held=dict.fromkeys(start.inputs.others, "zeros" if start.picture is None else "as given"),
        options=options,
    )
    class_names = objectives.class_names if objectives.default.kind == "scores" else ()
    names = [label if isinstance(label, str) else class_name(label, class_names) for label in labels]
    captions = tuple(f"{name}: {score:.4g}" for name, score in zip(names, optimized.scores, strict=True))
    display = Display(columns=settings.copies if settings.copies > 1 else None, alpha=settings.alpha)
    return Tiles(
        optimized.images, captions, False, "maximize", record, optimized.frames, saliency=optimized.saliency, display=display
    )


def _remarks(labels: Sequence[Any], fell: np.ndarray, notes: Mapping[str, Any]) -> list[str]:
    """What a reader must know: which scores did not rise, what draws at random, and what depends on the batch."""
    remarks = []
    if fallen := list(dict.fromkeys(label for label, each in zip(labels, fell, strict=True) if each)):
        remarks.append(
            f"The steps ended below where they began for {listed(fallen)}: the picture of the highest score on the way is "
            "shown. Weaker penalties (`lp_norm`, `total_variation`) or a smaller `step_size` let the score rise."
        )
    if notes["random"]:
        drawn = f"{listed(notes['random'])} draw at random, as in training"
        remarks.append(f"{drawn}: each step, and the score below, is one draw.")
    if notes["of_batch"]:
        remarks.append(f"{listed(notes['of_batch'])} compute something of the whole batch: each unit was maximized alone.")
    return remarks
