"""Logits: the scores behind the output of a model."""

from __future__ import annotations

from typing import Any, NamedTuple

from visualize._utils.lazy import tf
from visualize.engine.resize import resize
from visualize.engine.shapes import sizes
from visualize.errors import InputError

ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid")  # of an output, before which the logits stand
PASS_THROUGH = ("Identity", "Cast")  # operations that hand on their input


class Scores(NamedTuple):
    """The scores of one output of a model, as tensors of the graph being traced.

    Attributes:
        logits: the logits of the output, in its shape, which a user's own score function receives. The output itself where it
            has no softmax or sigmoid.
        scores: (batch, classes) float32. Logits where the graph shows the softmax or sigmoid that made the output of
            them; a single sigmoid unit counts as two classes of score -logit and +logit. Of an image output, (batch, height,
            width, classes), the mean over the region. None where several outputs leave it open.
        probabilities: (batch, classes), the output that belongs to each score.
        kind: "logit", or "output" where there is no activation to look behind; of an image output "mean logit" and so on.
    """

    logits: Any
    scores: tf.Tensor | None
    probabilities: tf.Tensor | None
    kind: str


def scores_behind(output: Any, region: tf.Tensor | None, channels_first: bool, *, sigmoid_as_two: bool = True) -> Scores:
    """The scores behind an output.

    Args:
        output: of the model or of a layer, (batch, classes) or (batch, height, width, classes); or several outputs.
        region: (batch, height, width), the weight of each position in the mean of an image output.
        channels_first: whether an image output is (batch, classes, height, width).
        sigmoid_as_two: whether a single sigmoid unit counts as two classes.

    Raises:
        InputError: the output has no spatial positions for `region` to choose from.
    """
    if not tf.is_tensor(output) or output.shape.rank in (None, 0):
        return Scores(output, None, None, "output")
    raw, activation = before_activation(output)
    kind = "output" if activation is None else "logit"
    raw, output = (tf.cast(tensor, _at_least_float32(tensor)) for tensor in (raw, output))
    if output.shape.rank > 2:
        kind = f"mean {kind}"
        if channels_first:
            raw, output = (tf.transpose(tensor, [0, *range(2, tensor.shape.rank), 1]) for tensor in (raw, output))
        logits, probabilities = _mean(raw, region), _mean(output, region)
        own = raw
    elif region is not None:
        raise InputError(f"`region` needs an image output, (batch, height, width, classes). Received: {tuple(output.shape)}.")
    else:
        logits, probabilities = _as_rows(raw), _as_rows(output)
        own = None
    if sigmoid_as_two and activation == "Sigmoid" and probabilities.shape[-1] == 1:
        logits = tf.concat([-logits, logits], axis=-1)
        probabilities = tf.concat([1 - probabilities, probabilities], axis=-1)
    return Scores(logits if own is None else own, logits, probabilities, kind)


def makers(tensor: tf.Tensor, through: tuple[str, ...] = PASS_THROUGH) -> list[tf.Operation]:
    """The operation that made a tensor; and as long as it is of a type to go through, the one that made its input."""
    operations = [tensor.op]
    while operations[-1].type in through:
        operations.append(operations[-1].inputs[0].op)
    return operations


def before_activation(tensor: tf.Tensor, kinds: tuple[str, ...] = ACTIVATIONS) -> tuple[tf.Tensor, str | None]:
    """The input of the activation of these kinds that made a tensor, and its kind; else the tensor itself and None."""
    operation = makers(tensor)[-1]
    return (operation.inputs[0], operation.type) if operation.type in kinds else (tensor, None)


def behind_scores(output: tf.Tensor) -> list[tf.Operation]:
    """The operations that make an output of its logits: the scores can no longer be told from what they return."""
    operations = makers(output)
    return operations if operations[-1].type in ACTIVATIONS else []


def score_at(scores: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """One score of each row, (batch,). Its gradient traces and runs faster than that of a gather."""
    chosen = tf.one_hot(indices, scores.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    return tf.reduce_sum(tf.where(chosen, scores, tf.zeros_like(scores)), axis=-1)


def _as_rows(values: tf.Tensor) -> tf.Tensor:
    """(batch,) or (batch, classes) as (batch, classes)."""
    return tf.reshape(values, [-1, 1] if values.shape.rank == 1 else [-1, values.shape[-1]])


def _mean(values: tf.Tensor, region: tf.Tensor | None) -> tf.Tensor:
    """The mean over the weighted positions, (batch, classes), of values (batch, *positions, classes)."""
    axes = list(range(1, values.shape.rank - 1))
    if region is None:
        return tf.reduce_mean(values, axis=axes)
    if region.shape.rank != values.shape.rank - 1:
        raise InputError(
            f"`region` needs an output with the axes of the image, (batch, height, width, classes). Received: {values.shape}."
        )
    weights = resize(tf.expand_dims(tf.cast(region, values.dtype), -1), sizes(values, 1, -1), antialias=True)
    return tf.math.divide_no_nan(tf.reduce_sum(weights * values, axis=axes), tf.reduce_sum(weights, axis=axes))


def _at_least_float32(tensor: tf.Tensor) -> tf.DType:
    return tensor.dtype if tensor.dtype == tf.float64 else tf.float32
