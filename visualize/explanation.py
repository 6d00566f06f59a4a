"""Explanation: put one question about a class score to a model, image by image."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize import models, probe, targets
from visualize.errors import InputError
from visualize.inputs import Inputs, checked_batch_size, inputs_of
from visualize.lazy import tf
from visualize.results import Attribution


@dataclass(frozen=True)
class Question:
    """A model, its input and a target, checked.

    Attributes:
        classes: (batch,) int32 the target of each image, or `targets.OWN_CHOICE`.
        function: the user's own score of the model's scores, or None.
    """

    model: Any
    inputs: Inputs
    classes: np.ndarray
    function: Callable | None
    names: tuple[str, ...]
    input_range: tuple[float, float] | None

    def score(self, seen: probe.Look, classes: Any) -> tuple[Any, dict[str, Any]]:
        """The score of each image on the graph being traced, (batch,), and what to report of it."""
        return score_of(seen, classes, self.function)

    def attribution(
        self,
        values: np.ndarray,
        found: Mapping[str, np.ndarray],
        method: str,
        settings: Mapping[str, Any],
        **arrays: np.ndarray,
    ) -> Attribution:
        """The result, with what `score` reported."""
        general = {
            "explained": self.inputs.explained,
            "class_names": list(self.names),
            "input_range": self.input_range,
        }
        arrays.update({name: found[name] for name in ("predicted", "probability") if name in found})
        return Attribution(
            values,
            pictures_of(self.inputs.images),
            found["target"],
            found["score"],
            method,
            {**settings, **general},
            arrays,
        )


def ask(model: Any, images: Any, target: Any, explained: str | None) -> Question:
    """Check a question at the door; the class is checked against the model's own output.

    Raises:
        InputError: what `inputs_of` and `targets.indices` raise; or an output that is no batch of scores.
    """
    inputs = inputs_of(model, images, explained)
    if inputs.images.ndim not in (3, 4):
        raise InputError(
            f"{inputs.explained!r} must be pictures, (batch, height, width, channels). Received: shape {inputs.images.shape}."
        )
    card = models.card(model)
    plain, function = targets.split_target(target)
    classes = np.full(len(inputs.images), targets.OWN_CHOICE, "int32")
    if function is None:
        classes = targets.indices(plain, len(inputs.images), class_count(model, inputs), card.class_names)
    return Question(model, inputs, classes, function, card.class_names, card.input_range)


def explain(
    question: Question,
    maps: Callable[[probe.Look, Any], tuple[Any, Mapping[str, Any]]],
    *,
    method: str,
    key: tuple[Hashable, ...],
    modifier: str | None,
    batch_size: int | None,
    settings: Mapping[str, Any],
) -> Attribution:
    """One map for each image from one look at the model.

    Args:
        question: what `ask` returned.
        maps: `maps(look, score) -> (values, notes)`, with values (batch, height, width), called while TensorFlow traces.
        method: its name.
        key: what `maps` closes over, hashable.
        modifier: how a ReLU passes gradients back: None, "guided" or "relu".
        batch_size: images at a time; None for what suits their size.
        settings: what the result says of how it was made.
    """
    inputs, function = question.inputs, question.function

    def once(model, classes, **tensors):
        images = tensors[inputs.explained]
        seen = probe.look(model, inputs.packed(tensors), images, modifier=modifier)
        score, found = score_of(seen, classes, function)
        values, notes = maps(seen, score)
        return {"values": tf.cast(values, tf.float32), **found}, {"score": kind_of(seen, function), **notes}

    trace = probe.trace(
        question.model,
        (method, *key, modifier, inputs.explained, str(inputs.structure), function),
        once,
        {**inputs.specs(), "classes": tf.TensorSpec([None], tf.int32)},
    )
    size = checked_batch_size(batch_size, inputs)
    found = trace.batches({**inputs.arrays, "classes": question.classes}, batch_size=size)
    return question.attribution(found["values"], found, method, {**settings, "modifier": modifier, **trace.notes})


def score_of(seen: probe.Look, classes: Any, function: Callable | None) -> tuple[Any, dict[str, Any]]:
    """Each image's score, (batch,), and what to report: score, target, and the model's own choice with its probability."""
    found = {}
    if seen.scores is not None:
        found["predicted"] = tf.argmax(seen.scores, axis=-1, output_type=tf.int32)
    if function is None:
        score, found["target"] = seen.score(classes)
        found["probability"] = tf.gather(seen.probabilities, found["target"], axis=1, batch_dims=1)
    else:
        score = function(seen.output if seen.scores is None else seen.scores)
        score = tf.cast(tf.stack(score) if isinstance(score, list | tuple) else score, tf.float32)
        if score.shape.rank != 1:
            raise InputError(
                f"`target`, a function, must return one score for each image, (batch,). Received: shape {score.shape}."
            )
        found["target"] = classes
    found["score"] = tf.cast(score, tf.float32)
    return score, found


def kind_of(seen: probe.Look, function: Callable | None) -> str:
    """What the score is: "logit", "output", or the name of the user's function of it."""
    if function is None:
        return seen.score_kind
    return f"{getattr(function, '__name__', type(function).__name__)} of the {seen.score_kind}"


def class_count(model: Any, inputs: Inputs) -> int:
    """How many classes the model tells apart.

    Raises:
        InputError: the model's output is not one row of scores for each image.
    """

    def once(model, **tensors):
        seen = probe.look(model, inputs.packed(tensors), tensors[inputs.explained])
        if seen.scores is None:
            shapes = [tuple(tensor.shape) for tensor in tf.nest.flatten(seen.output)]
            raise InputError(
                f"The model must return one row of scores for each image, (batch, classes). Received: {shapes}. "
                "Give a function as `target` that makes one score for each image of what the model returns."
            )
        return {"scores": seen.scores}, {"classes": seen.scores.shape[-1]}

    key = ("classes", inputs.explained, str(inputs.structure))
    return probe.trace(model, key, once, inputs.specs()).notes["classes"]


def pictures_of(images: np.ndarray) -> np.ndarray:
    """Explained images with a channel axis, (batch, height, width, channels)."""
    return images if images.ndim == 4 else images[..., None]
