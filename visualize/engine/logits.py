"""Logits: the scores behind the output of a model."""

from __future__ import annotations

from typing import Any, NamedTuple

from visualize._utils.lazy import tf
from visualize.engine.resize import resized
from visualize.errors import InputError

ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid")  # of an output, behind which the logits are
UNCHANGED = ("Identity", "Cast")  # operations that hand on what they were given


class Scores(NamedTuple):
    """What one output of a model says, as tensors of the graph being traced.

    Attributes:
        answers: the logits of the output, in its shape: what a function of the user's own is given. The output itself where
            there is nothing to look behind.
        scores: (batch, classes) float32. Logits where the graph shows the softmax or sigmoid that made the output from
            them; one sigmoid unit counts as two classes of score -logit and +logit. Of an image output, (batch, height, width,
            classes), the mean over the region. None where several outputs leave it open.
        probabilities: (batch, classes), the output that belongs to each score.
        kind: "logit", or "output" where there was nothing to look behind; of an image output "mean logit" and so on.
    """

    answers: Any
    scores: Any | None
    probabilities: Any | None
    kind: str


def scores_of(output: Any, region: Any | None, channels_first: bool, *, as_classes: bool = True) -> Scores:
    """The scores behind an output.

    Args:
        output: of the model or of a layer, (batch, classes) or (batch, height, width, classes); or several outputs.
        region: (batch, height, width), how much each place of the image counts in the mean of an image output.
        channels_first: whether an image output is (batch, classes, height, width).
        as_classes: whether one sigmoid unit counts as two classes.

    Raises:
        InputError: the output has no places for a `region` to choose from.
    """
    if not tf.is_tensor(output) or output.shape.rank in (None, 0):
        return Scores(output, None, None, "output")
    answers, activation = before_activation(output)
    kind = "output" if activation is None else "logit"
    both = [tf.cast(tensor, _at_least_float32(tensor)) for tensor in (answers, output)]
    if output.shape.rank > 2:
        kind = f"mean {kind}"
        both = [tf.transpose(one, [0, *range(2, one.shape.rank), 1]) for one in both] if channels_first else both
        logits, output = (_mean(one, region) for one in both)
    elif region is not None:
        raise InputError(f"`region` needs an image output, (batch, height, width, classes). Received: {tuple(output.shape)}.")
    else:
        logits, output = (tf.reshape(one, [-1, 1] if one.shape.rank == 1 else [-1, one.shape[-1]]) for one in both)
    if as_classes and activation == "Sigmoid" and output.shape[-1] == 1:
        logits, output = tf.concat([-logits, logits], axis=-1), tf.concat([1 - output, output], axis=-1)
    return Scores(logits if both[0].shape.rank <= 2 else both[0], logits, output, kind)


def makers(tensor: Any, through: tuple[str, ...] = UNCHANGED) -> list[Any]:
    """The operation that made a tensor; and while it is of a type to go through, the one that made what that was given."""
    found = [tensor.op]
    while found[-1].type in through:
        found.append(found[-1].inputs[0].op)
    return found


def before_activation(tensor: Any, kinds: tuple[str, ...] = ACTIVATIONS) -> tuple[Any, str | None]:
    """The tensor from which an activation of these kinds made this one, and its kind; else the tensor and None."""
    operation = makers(tensor)[-1]
    return (operation.inputs[0], operation.type) if operation.type in kinds else (tensor, None)


def behind_scores(output: Any) -> list[Any]:
    """The operations that make an output of its logits: what they make no longer tells the scores."""
    found = makers(output)
    return found if found[-1].type in ACTIVATIONS else []


def picked(scores: Any, indices: Any) -> Any:
    """One score of each row, (batch,). Its gradient traces and runs faster than that of a gather."""
    chosen = tf.one_hot(indices, scores.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    return tf.reduce_sum(tf.where(chosen, scores, tf.zeros_like(scores)), axis=-1)


def _mean(values: Any, region: Any | None) -> Any:
    """The mean over the places that count, (batch, classes), of values (batch, *places, classes)."""
    axes = list(range(1, values.shape.rank - 1))
    if region is None:
        return tf.reduce_mean(values, axis=axes)
    if region.shape.rank != values.shape.rank - 1:
        raise InputError(
            f"`region` needs an output with the axes of the image, (batch, height, width, classes). Received: {values.shape}."
        )
    counts = resized(tf.cast(region, values.dtype)[..., None], values.shape[1:-1].as_list(), antialias=True)
    return tf.math.divide_no_nan(tf.reduce_sum(counts * values, axis=axes), tf.reduce_sum(counts, axis=axes))


def _at_least_float32(tensor: Any) -> Any:
    return tensor.dtype if tensor.dtype == tf.float64 else tf.float32
