"""Perturbed scores: what a model says of many changed copies of each image, in one compiled graph."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_word
from visualize.attribution.perturbation import Fill, checked_fill, scores_of_copies
from visualize.attribution.request import COPIES_AT_ONCE, TARGETS, Batch, Request, ScoreSpec
from visualize.engine.compile import Program, compiled
from visualize.engine.forward import ForwardPass
from visualize.engine.logits import score_at
from visualize.engine.shapes import sizes, tile_batch
from visualize.errors import InputError
from visualize.models.inputs import checked_batch_size

RANKS, SUBSETS = "metrics/ranks", "metrics/subsets"  # names of tensors beside the inputs of a model

ScoreName = Literal["probability", "logit"]
Change = Callable[["tf.Tensor"], "tf.Tensor"]  # the numbers of copies, (k,), to the copies, (k, batch, *shape)


class Perturbation(abc.ABC):
    """How the copies of an image differ from it. Subclasses are frozen dataclasses: the fields are part of the graph's key."""

    @abc.abstractmethod
    def specs(self, size: tuple[int, ...]) -> dict[str, tf.TensorSpec]:
        """What the copies are made of beside the images, of this spatial shape: a specification for each tensor by name."""

    @abc.abstractmethod
    def copies(self, images: tf.Tensor, tensors: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, Change]:
        """Called while TensorFlow traces: how many copies there are of each image, and what makes those of some numbers."""


class CopyScores(NamedTuple):
    """What a model says of images and of their copies.

    Attributes:
        whole: (batch,) of the images as they are.
        copies: (batch, copies).
        unit: what the numbers are: "probability", "logit", ...
    """

    whole: np.ndarray
    copies: np.ndarray
    unit: str


def perturbed_scores(
    request: Request,
    perturbation: Perturbation,
    score: ScoreName | None,
    batch_size: int | None,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    constants: Mapping[str, np.ndarray] | None = None,
) -> CopyScores:
    """The score of each image of a request, and of each of its copies.

    The copies are made inside the graph, a batch at a time, so that memory does not grow with their number.

    Args:
        request: model, images and target.
        perturbation: how the copies differ.
        score: "probability" or "logit"; None for the probability, or for the user's own function.
        batch_size: copies at a time; None for as many as suit the size of the images.
        arrays: what the copies are made of, with one row for each image, by name.
        constants: what is the same for all images, by name.

    Raises:
        InputError: `score` is unknown, or is given for a function.
    """
    checked_word("score", score, ("probability", "logit", None))
    if score is not None and request.spec.function is not None:
        raise InputError(f"`score` must be left out where the target is a function of its own. Received: {score!r}.")
    score = score or "probability"
    specs = {**request.tensor_specs, COPIES_AT_ONCE: tf.TensorSpec([], tf.int32), **perturbation.specs(request.inputs.size)}
    graph = compiled(request.model, _PerturbedScores(perturbation, request.spec, score), specs)
    size = 1 if graph.notes["one_by_one"] else checked_batch_size(batch_size, request.inputs)
    results = graph.run_batches(
        {**request.arrays, TARGETS: request.targets(graph.notes), **(arrays or {})},
        batch_size=size,
        constants={COPIES_AT_ONCE: np.int32(size), **(constants or {})},
    )
    kind = graph.notes["score"]
    unit = kind.replace("logit", "probability") if score == "probability" and request.spec.function is None else kind
    return CopyScores(results["whole"].astype("float64"), results["copies"].astype("float64"), unit)


@dataclass(frozen=True)
class _PerturbedScores(Program):
    """The graph: images, targets and what the copies are made of in, scores out."""

    perturbation: Perturbation
    spec: ScoreSpec
    score: ScoreName

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        return self.spec.user_functions

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        inputs = dict(tensors)
        targets, at_once = inputs.pop(TARGETS), inputs.pop(COPIES_AT_ONCE)
        own = {name: inputs.pop(name) for name in (RANKS, SUBSETS) if name in inputs}
        batch = Batch.run(model, inputs, self.spec, None, targets, at_once, {})
        count, change = self.perturbation.copies(batch.images, own)

        def score_of(numbers, copies):
            images = tf.reshape(change(numbers), [-1, *sizes(batch.images, 1)])
            forward, score = batch.rerun(images, copies)
            return self.value(forward, score, tile_batch(batch.targets, copies))

        copies = scores_of_copies(batch, count, score_of)  # (count, batch)
        whole = tf.cast(self.value(batch.forward, batch.score, batch.targets), tf.float32)
        notes = {**batch.notes, "one_by_one": any(batch.forward.training_layers)}
        return {"whole": whole, "copies": tf.transpose(copies)}, notes

    def value(self, forward: ForwardPass, score: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """What is measured of each image, (batch,)."""
        if self.score == "logit" or self.spec.function is not None or forward.probabilities is None:
            return score
        return score_at(forward.probabilities, targets)


def metric_fill(request: Request, fill: Any, default: str, *, name: str = "fill") -> Fill:
    """What hides pixels: a number, a color, "mean", "blur" or "black", the low end of the input range, else 0.

    Args:
        request: of the images.
        fill: what was passed; None for the default.
        default: "mean", "blur" or "black".
        name: of the parameter, for the message.

    Raises:
        InputError: it is none of these.
    """
    black = request.input_range[0] if request.input_range else 0.0
    fill = default if fill is None else fill
    is_black = isinstance(fill, str) and fill == "black"
    return checked_fill(None if is_black else fill, black, request.inputs.images.shape[-1], name=name, or_image=", or 'black'")
