"""Explanation: put one question about a class score to a model, image by image."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize.attribution.questions import Question
from visualize.engine import compile as tracing
from visualize.engine import forward as probe
from visualize.engine.logits import picked
from visualize.engine.relu_gradients import checked_modifier
from visualize.errors import InputError
from visualize.models import layers as models
from visualize.models.inputs import checked_batch_size
from visualize.results import Attribution


@dataclass(frozen=True, eq=False)
class View:
    """One batch of a question on the graph being traced.

    Attributes:
        seen: the look at the images as they are.
        score: the score of each, (batch,).
        targets: the class of each, (batch,); settled, where the model was to choose.
        notes: for a method to write down what it found out while it was traced: plain values, for the settings.
    """

    seen: probe.Look
    score: Any
    targets: Any
    notes: dict[str, Any]
    look_at: Callable[..., probe.Look]
    function: Callable | None

    @property
    def images(self) -> Any:
        """The explained images, (batch, height, width, channels)."""
        return self.seen.images

    def again(self, images: Any, copies: Any = 1, **options: Any) -> tuple[probe.Look, Any]:
        """Look at changed copies of the images: the look, and the score of each copy for the target of its image.

        Args:
            images: (copies x batch, ...), the whole batch once for each copy.
            copies: how many.
            options: further options of `probe.look`.
        """
        seen = self.look_at(images, copies, **options)
        return seen, score_of(seen, tf.tile(self.targets, [copies]), self.function)[0]


def explain(
    question: Question,
    maps: Callable[[View], Mapping[str, Any]],
    *,
    method: str,
    key: tuple[Hashable, ...],
    modifier: str | None,
    batch_size: int | None,
    settings: Mapping[str, Any],
) -> Attribution:
    """One map for each image.

    Args:
        question: what `ask` returned.
        maps: called while TensorFlow traces; returns `values`, (batch, height, width), and by other names what else it found
            of each image, (batch, ...), for the result's `arrays`.
        method: its name.
        key: what `maps` closes over, hashable.
        modifier: how a ReLU passes gradients back: None, "guided" or "relu".
        batch_size: images at a time; None for what suits their size.
        settings: what the result says of how it was made.
    """
    checked_modifier(modifier)  # before it tells one graph from another
    inputs, function = question.inputs, question.function

    def once(model, classes, **tensors):
        def look_at(images, copies, **options):
            others = {name: tensor for name, tensor in tensors.items() if name != inputs.explained}
            others = {name: tf.tile(tensor, [copies] + [1] * (tensor.shape.rank - 1)) for name, tensor in others.items()}
            return question.look(model, {**others, inputs.explained: images}, modifier=modifier, **options)

        seen = look_at(tensors[inputs.explained], 1)
        score, found = score_of(seen, classes, function)
        view = View(seen, score, found["target"], notes_of(seen, function), look_at, function)
        made = {name: tf.cast(tensor, tf.float32) for name, tensor in maps(view).items()}
        return {**found, **made}, {**view.notes, "made": sorted(made)}

    specs = {**question.specs, "classes": tf.TensorSpec([None], tf.int32)}
    trace = tracing.trace(question.model, (method, *key, modifier, *question.key), once, specs)
    size = checked_batch_size(batch_size, inputs)
    found = trace.batches({**question.arrays, "classes": question.classes(trace.notes)}, batch_size=size)
    notes = {name: note for name, note in trace.notes.items() if name != "made"}
    more = {name: found[name] for name in trace.notes["made"] if name != "values"}
    return question.attribution(found["values"], found, method, {**settings, "modifier": modifier, **notes}, **more)


def scores_of_classes(question: Question) -> np.ndarray:
    """The score of every class, (batch, classes).

    Raises:
        InputError: the model has several outputs, and none was named.
    """
    return answers(question)["scores"]


def answers(question: Question) -> dict[str, Any]:
    """What a model says to a question: `scores` and `probabilities` of every class, (batch, classes), and the `targets` asked.

    `kind` tells what the scores are, as in `notes_of`.

    Raises:
        InputError: the model has several outputs, and none was named; or no such class.
    """

    def every(model, classes, **tensors):
        seen = question.look(model, tensors)
        found = score_of(seen, classes, None)[1]  # refuses what has no classes
        return {"scores": seen.scores, "probabilities": seen.probabilities, "targets": found["target"]}, notes_of(seen, None)

    specs = {**question.specs, "classes": tf.TensorSpec([None], tf.int32)}
    trace = tracing.trace(question.model, ("scores", *question.key), every, specs)
    arrays = {**question.arrays, "classes": question.classes(trace.notes)}
    found = trace.batches(arrays, batch_size=checked_batch_size(None, question.inputs))
    return {**found, "kind": trace.notes["score"]}


def score_of(seen: probe.Look, classes: Any, function: Callable | None) -> tuple[Any, dict[str, Any]]:
    """Each image's score, (batch,), and what to report: score, target, and the model's own choice with its probability.

    Raises:
        InputError: there is no function, and the model does not return one row of scores for each image; or the function
            does not return one score for each.
    """
    found = {}
    if seen.scores is not None:
        found["predicted"] = tf.argmax(seen.scores, axis=-1, output_type=tf.int32)
    if function is not None:
        score = function(seen.answers)
        if score is None:
            raise InputError("`target`, a function, must return one score for each image, (batch,). Received: None.")
        score = tf.cast(tf.stack(score) if isinstance(score, list | tuple) else score, tf.float32)
        if score.shape.rank != 1:
            raise InputError(
                f"`target`, a function, must return one score for each image, (batch,). Received: shape {score.shape}."
            )
        found["target"] = classes
    elif seen.scores is None:
        if len(seen.outputs) > 1:
            raise InputError(
                f"`output` must name one of the model's outputs, {models.listed(seen.outputs)}: Target(3, output=...), on the "
                "command line --output. Received: None."
            )
        raise InputError(
            "The model must return numbers for each image, (batch, classes) or (batch, height, width, classes). "
            f"Received: {seen.output}. Give a function as `target` that makes one score for each image of it."
        )
    else:
        score, found["target"] = seen.score(classes)
        found["probability"] = picked(seen.probabilities, found["target"])
    found["score"] = tf.cast(score, tf.float32)
    return score, found


def notes_of(seen: probe.Look, function: Callable | None) -> dict[str, Any]:
    """How many classes there are, and what the score is: "logit", "output", or the user's function of it."""
    classes = None if seen.scores is None else seen.scores.shape[-1]
    if function is None:
        return {"classes": classes, "score": seen.score_kind}
    return {"classes": classes, "score": f"{getattr(function, '__name__', type(function).__name__)} of the {seen.score_kind}"}


def highest_of_channels(values: Any) -> Any:
    """The highest value of each pixel's channels, (batch, height, width)."""
    return tf.reduce_max(values, axis=-1)


def sum_of_channels(values: Any) -> Any:
    """The sum of each pixel's channels, (batch, height, width)."""
    return tf.reduce_sum(values, axis=-1)
