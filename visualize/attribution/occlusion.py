"""Occlusion: hide a patch of the image, and measure how far the score falls."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_word, renamed_keywords
from visualize.attribution.incremental import KEPT, PATHS, WindowPlan, measured_at_positions, plan
from visualize.attribution.patches import Patches, Positions, in_short
from visualize.attribution.perturbation import Fill, checked_fill, fill_images, fill_in_json
from visualize.attribution.request import TARGETS, Request, ScoreSpec, prepare
from visualize.engine.compile import Program, compiled
from visualize.engine.forward import CallKey
from visualize.engine.shapes import tile_batch
from visualize.errors import InputError
from visualize.models.inputs import checked_batch_size
from visualize.results import Attribution

__all__ = ["occlusion"]

BATCHES = (8, 32)  # images at a time for which windows are planned, besides one and a whole batch: few graphs for any number
STARTS = {1: ("starts",), 2: ("tops", "lefts"), 3: ("fronts", "tops", "lefts")}  # names of where patches begin on each axis
MEASURED = {"score": "float32", "predicted": "int32"}  # name in the report, and type, of what is kept of each position
DEFAULT_FILL = "blur"

# Tensors that a graph takes besides the inputs of the model; names of Keras' inputs have no slash.
IMAGE, CORNER, SIDES, FILLS = "occlusion/image", "occlusion/corner", "occlusion/sides", "occlusion/fills"


@renamed_keywords(explained="input_name")
def occlusion(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    patch: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
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
        patch: side of the square in pixels (of the cube in a volume), or one number for each axis: height and width, for a
            video frames, height and width; by default two sevenths of the shorter side of a picture of 64 pixels or more, else
            a seventh of the shortest side.
        stride: pixels from one position to the next, at most `patch`; one number, or one for each axis; by default half of
            `patch`, and a quarter of the default patch of a picture of 64 pixels or more.
        fill: what hides the pixels: a number, "mean" for the mean color of the image, or "blur" for the image out of focus,
            the default. In Python also a color, one number per channel.
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

    Cost:
        1 forward pass for each position of the square, or windows of one.

    Needs:
        Scores alone.

    Misleads:
        What is there twice has no value, as hiding one of the two changes nothing; what hides the pixels may itself look like
        a class.

    Example:
        visualize occlusion model.keras cat.png --patch 32 --stride 8
    """
    request = prepare(model, images, target, input_name, precision)
    patches = Patches.over(request.inputs.size, patch, stride)
    fill = checked_fill(fill, DEFAULT_FILL, request.inputs.images.shape[-1])
    batch_size = checked_batch_size(batch_size, request.inputs)
    checked_word("path", path, PATHS)
    if request.inputs.fixed_batch_size is not None:
        path = "full"  # windows have several positions side by side
    unhidden = run_unhidden(request, patches, fill, batch_size, path)
    strategy = WindowScores(patches, unhidden) if unhidden.in_windows else FullScores(request, patches, batch_size, unhidden)
    scores = strategy.scores_at(patches.positions(len(request.inputs.images)))
    return _attribution(request, patches, fill, unhidden, scores)


@dataclass(frozen=True, eq=False)
class Unhidden:
    """What the model says of the images as they are.

    Attributes:
        results: the report of their scores, the fills, and where windows were computed also what was measured at every
            position, (images, positions), under names that begin with "position".
        notes: of the graph: the number of classes, what the score is, and the settings of the plan.
    """

    results: Mapping[str, np.ndarray]
    notes: Mapping[str, Any]

    @property
    def in_windows(self) -> bool:
        """Whether every position was computed in windows along with the images."""
        return self.notes["plan"]["path"] == "windows"


class Strategy(abc.ABC):
    """A way to compute the scores of hidden copies."""

    @abc.abstractmethod
    def scores_at(self, positions: Positions) -> dict[str, np.ndarray]:
        """What the model says of the hidden copies, (n,) each: `score`, and where there are classes `predicted`."""


@dataclass(frozen=True, eq=False)
class WindowScores(Strategy):
    """Only what the patch can change is recomputed, in the graph of the unhidden images, which has done so for all positions.

    Attributes:
        patches: where the patch was.
        unhidden: the results of that graph.
    """

    patches: Patches
    unhidden: Unhidden

    def scores_at(self, positions: Positions) -> dict[str, np.ndarray]:
        """Look the positions up among those that were computed."""
        in_grid = tuple(
            (positions.corner // np.array(self.patches.strides)).T
        )  # each corner as its row and column of the grid
        number = np.ravel_multi_index(in_grid, self.patches.grid)
        results = {name: self.unhidden.results.get(f"position {name}") for name in MEASURED}
        return {name: values[positions.image, number] for name, values in results.items() if values is not None}


@dataclass(frozen=True, eq=False)
class FullScores(Strategy):
    """The whole model is computed for each hidden copy.

    Attributes:
        request: what is explained.
        patches: what hides it.
        batch_size: copies at a time.
        unhidden: the targets and the fills.
    """

    request: Request
    patches: Patches
    batch_size: int
    unhidden: Unhidden

    def scores_at(self, positions: Positions) -> dict[str, np.ndarray]:
        """Run the model on the hidden copies."""
        request, fills = self.request, self.unhidden.results["fills"]
        specs = {
            **request.tensor_specs,
            IMAGE: tf.TensorSpec([None], tf.int32),
            CORNER: tf.TensorSpec([None, len(self.patches.starts)], tf.int32),
            SIDES: tf.TensorSpec([None], tf.int32),
            FILLS: tf.TensorSpec([None] * (fills.ndim - 1) + [fills.shape[-1]], fills.dtype),
        }
        graph = compiled(request.model, _FullProgram(request.spec, request.inputs.size), specs)
        arrays = {IMAGE: positions.image, CORNER: positions.corner}
        batch_size = 1 if self.unhidden.notes["one_by_one"] else self.batch_size
        own = {TARGETS: self.unhidden.results["target"], FILLS: fills, SIDES: np.array(self.patches.sides, "int32")}
        return graph.run_batches(arrays, batch_size=batch_size, constants={**request.arrays, **own})


def run_unhidden(request: Request, patches: Patches, fill: Fill, batch_size: int, path: str) -> Unhidden:
    """Run the images as they are; where windows are cheaper, also with the patch at every position."""
    count = len(request.inputs.images)
    planned_batch = next(number for number in (1, *BATCHES, batch_size) if number >= min(count, batch_size))
    program = _UnhiddenProgram(request.spec, fill, patches if path != "full" else None, path, planned_batch)
    graph = compiled(request.model, program, request.tensor_specs)
    arrays = {**request.arrays, TARGETS: request.targets(graph.notes)}
    at_once = 1 if graph.notes["one_by_one"] else max(1, min(batch_size, KEPT // max(1, graph.notes["kept"])))
    return Unhidden(graph.run_batches(arrays, batch_size=at_once), graph.notes)


def _attribution(
    request: Request, patches: Patches, fill: Fill, unhidden: Unhidden, measured: Mapping[str, np.ndarray]
) -> Attribution:
    """The falls of the score, spread over the pixels."""
    grid, notes = (len(request.inputs.images), *patches.grid), unhidden.notes
    scores = measured["score"].reshape(grid)
    arrays = {"position_scores": scores}
    if "predicted" in measured and notes["classes"] > 1:
        arrays["position_classes"] = measured["predicted"].reshape(grid)
    settings = {
        "patch": in_short(patches.sides),
        "stride": in_short(patches.strides),
        "fill": fill_in_json(fill),
        "unit": "fall of the score",
        "signed": True,
        "coarse": max(patches.sides) > 1 or None,
        **notes["plan"],
        "classes": notes["classes"],
        "score": notes["score"],
        "remarks": notes.get("remarks"),
        **{name: list(starts) for name, starts in zip(STARTS[len(patches.starts)], patches.starts, strict=True)},
    }
    unhidden_scores = unhidden.results["score"].reshape([-1] + [1] * len(patches.starts))
    values = patches.mean_at_pixels(unhidden_scores - scores, request.inputs.size)
    return request.attribution(values, unhidden.results, "occlusion", settings, **arrays)


@dataclass(frozen=True)
class _UnhiddenProgram(Program):
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
        targets = inputs.pop(TARGETS)
        forward = self.spec.forward(model, inputs)
        _, report = self.spec.score(forward, targets)
        if forward.holds_tokens and isinstance(self.fill, str):
            default = ", the default" if self.fill == DEFAULT_FILL else ""
            raise InputError(
                f"`fill` must be the whole number that stands for a hidden token, such as 0 for padding, as the numbers of "
                f"{self.spec.signature.input_name!r} are tokens, which the model looks up. Received: {self.fill!r}{default}."
            )
        fills = fill_images(forward.images, self.fill)
        results = {**report, "fills": fills}
        starts, sides = ((), ()) if self.patches is None else (self.patches.starts, self.patches.sides)
        chosen = plan(forward, starts, sides, batch=self.planned_batch, path=self.path)
        notes = {**self.spec.notes(forward), "plan": chosen.record.settings, "kept": 0}
        notes["one_by_one"] = forward.needs_one_by_one
        if isinstance(chosen, WindowPlan):
            notes["kept"] = chosen.kept
            copies = _TracedCopies(model, self.spec, inputs, report["target"], forward.score_kind)
            dtypes = {name: dtype for name, dtype in MEASURED.items() if name in report}
            measured = measured_at_positions(chosen, fills, copies.report, dtypes)
            results.update({f"position {name}": values for name, values in measured.items()})
        return results, notes


@dataclass(frozen=True, eq=False)
class _TracedCopies:
    """Hidden copies of the batch, whose scores are computed on the graph being traced.

    Attributes:
        model: Keras model.
        spec: which score is meant.
        inputs: of the batch, by name.
        targets: the class of each image.
        score_kind: what the scores of the unhidden images are.
    """

    model: keras.Model
    spec: ScoreSpec
    inputs: Mapping[str, tf.Tensor]
    targets: tf.Tensor
    score_kind: str

    def report(self, images: tf.Tensor, copies: tf.Tensor, known: Mapping[CallKey, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The report of `copies` hidden copies of the whole batch, where the outputs of some calls are known."""
        tiled = {name: tile_batch(tensor, copies) for name, tensor in self.inputs.items()}
        tensors = {**tiled, self.spec.signature.input_name: images}
        forward = self.spec.forward(self.model, tensors, known_outputs=known)
        if forward.score_kind != self.score_kind:
            raise RuntimeError(
                f"A hidden copy's {forward.score_kind} must not be compared with the image's {self.score_kind}."
            )
        return self.spec.score(forward, tile_batch(self.targets, copies))[1]


@dataclass(frozen=True)
class _FullProgram(Program):
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
        image, corner, sides, fills, targets = (inputs.pop(name) for name in (IMAGE, CORNER, SIDES, FILLS, TARGETS))
        copies = {name: tf.gather(tensor, image) for name, tensor in inputs.items()}
        name = self.spec.signature.input_name
        hidden = tf.where(self._hidden_pixels(corner, sides), tf.gather(fills, image), copies[name])
        copies[name] = tf.ensure_shape(hidden, copies[name].shape)  # fills do not tell that an axis has a length of 1
        _, report = self.spec.score(self.spec.forward(model, copies), tf.gather(targets, image))
        return {name: report[name] for name in MEASURED if name in report}, {}

    def _hidden_pixels(self, corner: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
        """Which pixels the patch hides at each position, (n, *size, 1) bool."""
        hidden = tf.constant(True)
        for axis, length in enumerate(self.size):
            pixels, first = tf.range(length), corner[:, axis, None]
            along_axis = (pixels >= first) & (pixels < first + sides[axis])  # (n, length)
            shape = [length if other == axis else 1 for other in range(len(self.size))]
            hidden &= tf.reshape(along_axis, [-1, *shape, 1])
        return hidden
