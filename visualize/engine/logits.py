"""Logits: the scores behind the output of a model."""

from __future__ import annotations

from typing import Any, NamedTuple

from visualize._utils.lazy import tf
from visualize.engine.resize import resize
from visualize.engine.shapes import only_reorders, reordered, sizes
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
    raw, output, activation = head_of(output)
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


class Head(NamedTuple):
    """How an output is made of its logits.

    Attributes:
        logits: the input of the activation, in the shape and order of the output; the output itself where there is none.
        probabilities: what the activation made of them, likewise; of a log-softmax its exponential.
        activation: its type; None where there is none.
    """

    logits: tf.Tensor
    probabilities: tf.Tensor
    activation: str | None


def head_of(output: tf.Tensor) -> Head:
    """Look behind the softmax or sigmoid of an output, also through what only reorders or scales its probabilities.

    Reshapes (a flattened group of softmaxes, a sigmoid squeezed to (batch,)), transpositions and positive factors are gone
    through: the logits take the same order, and the factor says nothing of them. So are the logarithm of a softmax and the
    exponential of a log-softmax, whose probabilities are the same.
    """
    operations = behind_scores(output)
    if not operations:
        return Head(output, output, None)
    activation = operations[-1]
    logits, probabilities = activation.inputs[0], activation.outputs[0]
    if activation.type == "LogSoftmax":
        probabilities = tf.exp(probabilities)
    for operation in reversed(operations[:-1]):
        if only_reorders(operation):
            logits, probabilities = (reordered(tensor, operation) for tensor in (logits, probabilities))
    return Head(logits, probabilities, activation.type)


def behind_scores(output: tf.Tensor) -> list[tf.Operation]:
    """The operations from an output back to its softmax or sigmoid: the scores can no longer be told from what they return.

    Empty where there is no such activation.
    """
    operations = [output.op]
    while operations[-1].type not in ACTIVATIONS:
        operation = operations[-1]
        scaled = _scaled(operation)
        if scaled is None and operation.type not in (*PASS_THROUGH, "Log", "Exp") and not only_reorders(operation):
            return []
        operations.append((operation.inputs[0] if scaled is None else scaled).op)
    changed = {operation.type for operation in operations[:-1]} & {"Log", "Exp"}
    allowed = {"Exp"} if operations[-1].type == "LogSoftmax" else {"Log"}
    return operations if changed <= allowed else []


def before_activation(tensor: tf.Tensor, kinds: tuple[str, ...] = ACTIVATIONS) -> tuple[tf.Tensor, str | None]:
    """The input of the activation of these kinds that made a tensor, and its kind; else the tensor itself and None."""
    operation = tensor.op
    while operation.type in PASS_THROUGH:
        operation = operation.inputs[0].op
    return (operation.inputs[0], operation.type) if operation.type in kinds else (tensor, None)


def score_at(scores: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """One score of each row, (batch,). Its gradient traces and runs faster than that of a gather."""
    chosen = tf.one_hot(indices, scores.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    return tf.reduce_sum(tf.where(chosen, scores, tf.zeros_like(scores)), axis=-1)


def _scaled(operation: tf.Operation) -> tf.Tensor | None:
    """What an operation multiplies or divides by one positive number, or adds nothing to; None for any other operation."""
    if operation.type not in ("Mul", "RealDiv", "AddV2", "Sub"):
        return None
    first, second = operation.inputs
    commutes = operation.type in ("Mul", "AddV2")
    for tensor, other in [(first, second), *([(second, first)] if commutes else [])]:
        value = tf.get_static_value(other)
        if value is not None and value.size == 1:
            number = float(value.reshape(()))
            return tensor if (number > 0 if operation.type in ("Mul", "RealDiv") else number == 0) else None
    return None


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
