"""Answers: what a model says to an objective, read off the graph being traced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from visualize._utils.lazy import tf
from visualize.engine.forward import ForwardPass
from visualize.engine.logits import before_activation
from visualize.engine.relu_gradients import RELUS
from visualize.errors import InputError
from visualize.feature_visualization.objectives import Source, name_of_function


@dataclass(frozen=True, eq=False)
class Answer:
    """What the objectives of a batch come to.

    Attributes:
        score: (batch,) float32, the weighed sum of what the model answers.
        before_relu: the same of answers before their ReLUs; None where there are none.
        counts: how many answers each source has.
        kind: "logit", "activation" and the like; "objective" where it is made of several kinds.
    """

    score: Any
    before_relu: Any | None
    counts: tuple[int, ...]
    kind: str


def answer(seen: ForwardPass, sources: Sequence[Source], weights: Sequence[Any]) -> Answer:
    """Weigh the answers of each source, by (batch, answers) each.

    Raises:
        InputError: a source is not of the model.
    """
    found = [_answers(seen, source) for source in sources]
    counts, kinds = tuple(one.shape[-1] for one, _ in found), {_kind_of(source, seen) for source in sources}
    score = _sum((one for one, _ in found), weights)
    relus = any(before is not None for _, before in found)
    waking = _sum((one if before is None else before for one, before in found), weights) if relus else None
    return Answer(score, waking, counts, kinds.pop() if len(kinds) == 1 else "objective")


def _sum(answers: Iterable[Any], weights: Sequence[Any]) -> Any:
    """Weighed, (batch,); what weighs nothing adds nothing, be it infinite."""
    several = zip(answers, weights, strict=True)
    return tf.add_n([tf.reduce_sum(tf.math.multiply_no_nan(one, tf.cast(row, one.dtype)), axis=-1) for one, row in several])


def _answers(seen: ForwardPass, source: Source) -> tuple[Any, Any | None]:
    """What a source answers, (batch, answers), and the same before its ReLU, if it has one, else None.

    Raises:
        InputError: the source is not of the model.
    """
    if source.kind == "scores":
        if seen.scores is None:
            raise InputError("`layer` must be named: the model does not return one row of scores for each image.")
        return seen.scores, None
    if source.kind == "function":
        return _of_function(seen, source.function), None
    output = seen.layer_output(source.layer)
    output = before_activation(output)[0] if source.kind == "units" else output
    if output.shape.rank is None or output.shape.rank < 2:
        raise InputError(f"`layer` must have units. Received: {source.layer!r}, whose output is {tuple(output.shape)}.")
    before, relu = before_activation(output, RELUS)
    output, before = (tf.cast(tensor, tf.float32) for tensor in (output, before))
    if source.kind == "squares":
        axes = list(range(1, output.shape.rank))
        return tf.reduce_mean(output**2, axes)[:, None], tf.reduce_mean(before, axes)[:, None] if relu else None
    output, before = (seen.with_channels_last(source.layer, tensor) for tensor in (output, before))
    return _of_units(output, source), _of_units(before, source) if relu else None


def _of_units(output: Any, source: Source) -> Any:
    shape = output.shape.as_list()[1:-1]
    if source.place is None:
        return tf.reduce_mean(output, axis=list(range(1, 1 + len(shape))))
    fits = len(shape) == len(source.place) and all(0 <= at < size for at, size in zip(source.place, shape, strict=True))
    if not fits:
        size = " x ".join(map(str, shape)) or "a row of units"
        raise InputError(f"`place` must be on the map of {source.layer!r}, {size}. Received: {source.place}.")
    return output[(slice(None), *source.place)]


def _of_function(seen: ForwardPass, function: Callable) -> Any:
    found = function(seen.logits)
    found = tf.stack(found) if isinstance(found, list | tuple) else found
    shape = f"shape {tuple(found.shape)}" if tf.is_tensor(found) else type(found).__name__
    if not tf.is_tensor(found) or found.shape.rank != 1:
        raise InputError(f"`target`, a function, must return one score for each image, (batch,). Received: {shape}.")
    return tf.cast(found, tf.float32)[:, None]


def _kind_of(source: Source, seen: ForwardPass) -> str:
    """What the answers of a source are."""
    if source.kind == "scores":
        return seen.score_kind
    if source.kind == "function":
        return f"{name_of_function(source.function)} of the {seen.score_kind}"
    return "activation" if source.kind == "units" else "mean squared activation"
