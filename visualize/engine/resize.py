"""Resizing: values at places, brought to another number of places by linear interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from visualize._utils.lazy import tf


def resized(values: Any, size: Sequence[int], *, antialias: bool = False) -> Any:
    """Values on the graph being traced, (batch, *places, channels), with `size` places: along one, two or three axes.

    Centers of pixels stay where they are, as `tf.image.resize` has it. It runs on the device.

    Args:
        values: float tensor whose places are known while tracing.
        size: places along each axis.
        antialias: average where there are to be fewer places, instead of picking.
    """
    places, channels = values.shape[1:-1].as_list(), values.shape[-1]
    if places == list(size):
        return values
    if len(places) == 1:
        return tf.image.resize(values[:, :, None], [size[0], 1], antialias=antialias)[:, :, 0]
    if len(places) == 2:
        return tf.image.resize(values, list(size), antialias=antialias)
    slices = tf.reshape(values, [-1, *places[1:], channels])  # the last two axes of each, then the first
    slices = tf.image.resize(slices, list(size[1:]), antialias=antialias)
    flat = tf.reshape(slices, [-1, places[0], size[1] * size[2], channels])
    flat = tf.image.resize(flat, [size[0], size[1] * size[2]], antialias=antialias)
    return tf.reshape(flat, [-1, *size, channels])
