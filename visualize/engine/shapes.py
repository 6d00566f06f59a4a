"""Shapes of tensors on the graph being traced."""

from __future__ import annotations

from visualize._utils.lazy import tf


def sizes(tensor: tf.Tensor, start: int | None = None, stop: int | None = None) -> list[int]:
    """The lengths of some axes of a tensor, which must be known while tracing: those of `shape[start:stop]`.

    Raises:
        ValueError: one of them is not known.
    """
    shape = tensor.shape[start:stop].as_list()
    if None in shape:
        raise ValueError(f"The axes {start} to {stop} must be known. Received: shape {tensor.shape}.")
    return [length for length in shape if length is not None]


def channels_of(maps: tf.Tensor) -> int:
    """The length of the last axis."""
    return sizes(maps, -1)[0]


def tile_batch(tensor: tf.Tensor, copies: tf.Tensor | int) -> tf.Tensor:
    """The whole batch once for each copy: (batch, ...) as (copies x batch, ...)."""
    return tf.tile(tensor, tf.stack([copies] + [1] * (len(tensor.shape) - 1)))


def per_image(values: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    """One value for each image, (batch,), in a shape that multiplies a tensor: (batch, 1, ..., 1)."""
    return tf.reshape(values, [-1] + [1] * (len(tensor.shape) - 1))


def only_reorders(operation: tf.Operation) -> bool:
    """Whether an operation has the elements of its input, in another shape or order."""
    if operation.type in ("Reshape", "Squeeze", "ExpandDims", "Transpose"):
        return True
    if operation.type != "StridedSlice":  # scores[:, 0] of (batch, 1)
        return False
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    known = before.rank is not None and after.rank is not None
    return known and before[1:].num_elements() == after[1:].num_elements() == 1


def reordered(tensor: tf.Tensor, operation: tf.Operation) -> tf.Tensor:
    """A tensor as an operation reorders its own input."""
    if operation.type == "Transpose":
        return tf.raw_ops.Transpose(x=tensor, perm=operation.inputs[1])
    reshaped = tf.reshape(tensor, tf.shape(operation.outputs[0]))
    return tf.ensure_shape(reshaped, operation.outputs[0].shape)
