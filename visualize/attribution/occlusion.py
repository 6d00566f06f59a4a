"""Occlusion: hide a patch of the image, and measure how far the score falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_word, renamed_keywords
from visualize.attribution.incremental import KEPT, PATHS, plan, scores_at_positions
from visualize.attribution.perturbation import Fill, checked_fill, fill_images
from visualize.attribution.request import Request, ScoreSpec, prepare
from visualize.engine.compile import CompiledGraph, Program, compiled
from visualize.engine.forward import CallKey
from visualize.errors import InputError
from visualize.models.inputs import checked_batch_size
from visualize.results import Attribution

__all__ = ["occlusion"]

BATCHES = (8, 32)  # images at a time for which windows are planned, besides one and a whole batch: few graphs for any number
STARTS = {1: ("starts",), 2: ("tops", "lefts"), 3: ("fronts", "tops", "lefts")}  # names of where patches begin on each axis
MEASURED = {"score": "float32", "predicted": "int32"}  # at each position of the patch


@renamed_keywords(explained="input_name")
def occlusion(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: float | str | Sequence[float] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    path: Literal["auto", "windows", "full"] = "auto",
) -> Attribution:
    """Explain a class score by how far it falls while a square of the image is hidden.

    Zeiler & Fergus (2013), arXiv:1311.2901, section 4.2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction for the whole
            image.
        patch: side of the square in pixels (of the cube in a volume); by default a seventh of the image's shortest side.
        stride: pixels from one position to the next, at most `patch`; by default half of it.
        fill: what hides the pixels: a number, "mean" for the mean color of the image, or "blur" for the image out of focus; by
            default gray, the middle of the input range that the model's card states, and "mean" where there is no card. In
            Python also a color, one number per channel.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: hidden copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        path: "full" computes the whole model for each hidden copy; "windows" recomputes only what the patch can change,
            which gives the same to float round-off; "auto" uses what is estimated to be faster. `settings["path"]` tells which
            one was used, `settings["estimated_saving"]` how much faster it was estimated to be.

    Returns:
        Attribution whose values are, at each pixel, score - score while hidden, averaged over the positions that hide the
        pixel, signed, in units of the score. Every pixel is hidden at least once: the last patch of a row or column is cut at
        the border. For a linear model, and `stride` equal to `patch`, the falls of all positions add up to score(image) -
        score(all hidden). `arrays` holds "position_scores" and, where there are several classes, "position_classes", (batch,
        rows, columns): the score of the target, and the class that the model predicts, with the patch at `settings["tops"]` x
        `settings["lefts"]`.

    Raises:
        InputError: `patch` or `stride` out of range, or `target` is not a class of the model.

    Example:
        visualize occlusion model.keras cat.png --patch 32 --stride 8
    """
    request = prepare(model, images, target, input_name, precision)
    patches = Patches.over(request.inputs.size, patch, stride)
    gray = sum(request.input_range) / 2 if request.input_range else "mean"
    fill = checked_fill(fill, gray, request.inputs.images.shape[-1])
    batch_size = checked_batch_size(batch_size, request.inputs)
    checked_word("path", path, PATHS)
    unhidden = _unhidden(request, patches, fill, batch_size, path)
    in_windows = unhidden.notes["plan"]["path"] == "windows"
    strategy = InWindows(unhidden.results) if in_windows else InFull(request, patches, fill, batch_size, unhidden.results)
    measured = strategy.scores_at(patches.positions(len(request.inputs.images)))
    return _attribution(request, patches, fill, unhidden, measured)


@dataclass(frozen=True)
class Patches:
    """The patches that hide an image, one after another.

    Attributes:
        side: of a patch, in pixels.
        stride: pixels from one position to the next.
        starts: for each spatial axis, where the patches begin along it; the last one reaches the border.
    """

    side: int
    stride: int
    starts: tuple[tuple[int, ...], ...]

    @classmethod
    def over(cls, size: Sequence[int], side: int | None, stride: int | None) -> Patches:
        """Patches that cover an image of a spatial shape; by default a seventh of its shortest side, half overlapping.

        Raises:
            InputError: `patch` or `stride` is out of range.
        """
        shortest = min(size)
        side = _checked_side("patch", side, max(1, shortest // 7), shortest, "the image's shortest side")
        stride = _checked_side("stride", stride, max(1, side // 2), side, "`patch`, or pixels would never be hidden")
        counts = [1 - (-max(0, length - side) // stride) for length in size]
        return cls(side, stride, tuple(tuple(range(0, count * stride, stride)) for count in counts))

    def positions(self, images: int) -> dict[str, np.ndarray]:
        """Every position of every image: `image`, (n,), and `corner`, (n, axes), the first pixel of the patch on each axis."""
        image, *corner = (axis.ravel() for axis in np.meshgrid(np.arange(images), *self.starts, indexing="ij"))
        return {"image": image.astype("int32"), "corner": np.stack(corner, axis=1).astype("int32")}

    def on_grid(self, values: np.ndarray, images: int) -> np.ndarray:
        """Values of all positions as (images, *positions along each axis)."""
        return values.reshape(images, *map(len, self.starts))

    def mean_at_pixels(self, values: np.ndarray, size: Sequence[int]) -> np.ndarray:
        """The mean at each pixel over the positions that hide it, (images, *size), of values on the grid."""
        means = values.astype("float64")
        for axis, (starts, length) in enumerate(zip(self.starts, size, strict=True), 1):
            pixels, first = np.arange(length), np.array(starts)[:, None]
            hides = (pixels >= first) & (pixels < first + self.side)  # (positions, length)
            means = np.moveaxis(np.tensordot(means, hides / hides.sum(axis=0), axes=[axis, 0]), -1, axis)
        return means.astype("float32")


@dataclass(frozen=True, eq=False)
class Unhidden:
    """What the images give as they are.

    Attributes:
        results: the report of their scores, the fills, and in windows what was measured at every position.
        notes: of the graph: the number of classes, what the score is, and the plan.
    """

    results: Mapping[str, np.ndarray]
    notes: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class InWindows:
    """Only what the patch can change was recomputed, in the graph of the images as they are."""

    results: Mapping[str, np.ndarray]

    def scores_at(self, positions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the model says with the patch at each position, (n,) each, by the names of MEASURED."""
        return {name: self.results[f"position {name}"].ravel() for name in MEASURED if f"position {name}" in self.results}


@dataclass(frozen=True, eq=False)
class InFull:
    """The whole model is computed for each hidden copy."""

    request: Request
    patches: Patches
    fill: Fill
    batch_size: int
    results: Mapping[str, np.ndarray]

    def scores_at(self, positions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the model says with the patch at each position, (n,) each, by the names of MEASURED."""
        request, axes = self.request, len(self.patches.starts)
        images = request.inputs.images
        channels = 1 if isinstance(self.fill, float) else images.shape[-1]
        specs = {
            **request.tensor_specs,
            "image": tf.TensorSpec([None], tf.int32),
            "corner": tf.TensorSpec([None, axes], tf.int32),
            "side": tf.TensorSpec([], tf.int32),
            "fills": tf.TensorSpec([None, *[None] * axes, channels], images.dtype),
        }
        graph = compiled(request.model, _HiddenCopies(request.spec, request.inputs.size), specs)
        fixed = {**request.arrays, "targets": self.results["target"], "fills": self.results["fills"]}
        return graph.run_batches(positions, batch_size=self.batch_size, side=np.int32(self.patches.side), **fixed)


def _unhidden(request: Request, patches: Patches, fill: Fill, batch_size: int, path: str) -> Unhidden:
    """Run the images as they are; where windows are cheaper, also with the patch at every position."""
    count = len(request.inputs.images)
    planned_batch = next(number for number in (1, *BATCHES, batch_size) if number >= min(count, batch_size))
    program = _Unhidden(request.spec, fill, patches if path != "full" else None, path, planned_batch)
    graph: CompiledGraph = compiled(request.model, program, request.tensor_specs)
    arrays = {**request.arrays, "targets": request.targets(graph.notes)}
    at_once = max(1, min(batch_size, KEPT // max(1, graph.notes["kept"])))
    return Unhidden(graph.run_batches(arrays, batch_size=at_once), graph.notes)


def _attribution(
    request: Request, patches: Patches, fill: Fill, unhidden: Unhidden, measured: Mapping[str, np.ndarray]
) -> Attribution:
    """The falls of the score, spread over the pixels."""
    images, notes = len(request.inputs.images), unhidden.notes
    scores = patches.on_grid(measured["score"], images)
    arrays = {"position_scores": scores}
    if "predicted" in measured and notes["classes"] > 1:
        arrays["position_classes"] = patches.on_grid(measured["predicted"], images)
    settings = {
        "patch": patches.side,
        "stride": patches.stride,
        "fill": list(fill) if isinstance(fill, tuple) else fill,
        "unit": "fall of the score",
        "signed": True,
        **notes["plan"],
        "classes": notes["classes"],
        "score": notes["score"],
        **{name: list(starts) for name, starts in zip(STARTS[len(patches.starts)], patches.starts, strict=True)},
    }
    whole = unhidden.results["score"].reshape([-1] + [1] * len(patches.starts))
    values = patches.mean_at_pixels(whole - scores, request.inputs.size)
    return request.attribution(values, unhidden.results, "occlusion", settings, **arrays)


@dataclass(frozen=True)
class _Unhidden(Program):
    """The graph of the images as they are, and in windows of all positions of the patch.

    Attributes:
        spec: which score is meant.
        fill: what hides pixels.
        patches: where; None where nothing is computed in windows.
        path: "auto", "windows" or "full".
        planned_batch: number of images for which windows are planned.
    """

    spec: ScoreSpec
    fill: Fill
    patches: Patches | None
    path: str
    planned_batch: int

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        return self.spec.user_functions

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        inputs = dict(tensors)
        targets = inputs.pop("targets")
        forward = self.spec.forward(model, inputs)
        _, report = self.spec.score(forward, targets)
        fills = fill_images(forward.images, self.fill)
        starts, side = ((), 0) if self.patches is None else (self.patches.starts, self.patches.side)
        windows = plan(forward, starts, side, batch=self.planned_batch, path=self.path)
        results = {**report, "fills": fills}
        if windows.steps:
            copies = _Copies(model, self.spec, inputs, report["target"], forward.score_kind)
            measured = scores_at_positions(windows, fills, copies.scores, MEASURED)
            results.update({f"position {name}": values for name, values in measured.items()})
        return results, {**self.spec.notes(forward), "plan": windows.facts, "kept": windows.kept}


@dataclass(frozen=True, eq=False)
class _Copies:
    """A batch of which hidden copies are scored on the graph being traced."""

    model: keras.Model
    spec: ScoreSpec
    inputs: Mapping[str, tf.Tensor]
    targets: tf.Tensor
    score_kind: str

    def scores(self, images: tf.Tensor, copies: tf.Tensor, known: Mapping[CallKey, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The report of `copies` hidden copies of the whole batch, where the outputs of some calls are known."""
        tiled = {name: tf.tile(value, [copies] + [1] * (value.shape.rank - 1)) for name, value in self.inputs.items()}
        tensors = {**tiled, self.spec.signature.input_name: images}
        forward = self.spec.forward(self.model, tensors, known_outputs=known)
        if forward.score_kind != self.score_kind:
            raise RuntimeError(
                f"A hidden copy's {forward.score_kind} must not be compared with the image's {self.score_kind}."
            )
        return self.spec.score(forward, tf.tile(self.targets, [copies]))[1]


@dataclass(frozen=True)
class _HiddenCopies(Program):
    """The graph of hidden copies, computed in full: any positions of any images.

    Attributes:
        spec: which score is meant.
        size: spatial shape of the images.
    """

    spec: ScoreSpec
    size: tuple[int, ...]

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        return self.spec.user_functions

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        inputs = dict(tensors)
        image, corner, side, fills, targets = (inputs.pop(name) for name in ("image", "corner", "side", "fills", "targets"))
        copies = {name: tf.gather(tensor, image) for name, tensor in inputs.items()}
        hidden = self._hidden(corner, side)
        name = self.spec.signature.input_name
        copies[name] = tf.where(hidden, tf.gather(fills, image), copies[name])
        _, report = self.spec.score(self.spec.forward(model, copies), tf.gather(targets, image))
        return {name: report[name] for name in MEASURED if name in report}, {}

    def _hidden(self, corner: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
        """Which pixels the patch hides at each position, (n, *size, 1) bool."""
        hidden = tf.constant(True)
        for axis, length in enumerate(self.size):
            pixels, first = tf.range(length), corner[:, axis, None]
            along_axis = (pixels >= first) & (pixels < first + side)  # (n, length)
            shape = [length if other == axis else 1 for other in range(len(self.size))]
            hidden &= tf.reshape(along_axis, [-1, *shape, 1])
        return hidden


def _checked_side(name: str, value: int | None, default: int, most: int, limit: str) -> int:
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= most:
        raise InputError(f"`{name}` must be between 1 and {most} ({limit}). Received: {value}.")
    return int(value)
