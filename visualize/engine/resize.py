"""Resizing: values at spatial positions, brought to another number of positions by linear interpolation."""

from __future__ import annotations

from collections.abc import Sequence

from visualize._utils.lazy import tf


def resize(values: tf.Tensor, size: Sequence[int], *, antialias: bool = False) -> tf.Tensor:
    """Values on the graph being traced, (batch, *size, channels): resized along one, two or three spatial axes.

    Centers of pixels stay where they are, as `tf.image.resize` has it. It runs on the device.

    Args:
        values: float tensor, (batch, *spatial axes, channels), whose spatial shape is known while tracing.
        size: new length of each spatial axis.
        antialias: average where there are to be fewer positions, instead of picking.
    """
    shape, channels = values.shape[1:-1].as_list(), values.shape[-1]
    if shape == list(size):
        return values
    if len(shape) == 1:
        return tf.image.resize(values[:, :, None], [size[0], 1], antialias=antialias)[:, :, 0]
    if len(shape) == 2:
        return tf.image.resize(values, list(size), antialias=antialias)
    slices = tf.reshape(values, [-1, *shape[1:], channels])  # the last two axes of each slice, then the first axis
    slices = tf.image.resize(slices, list(size[1:]), antialias=antialias)
    flat = tf.reshape(slices, [-1, shape[0], size[1] * size[2], channels])
    flat = tf.image.resize(flat, [size[0], size[1] * size[2]], antialias=antialias)
    return tf.reshape(flat, [-1, *size, channels])
