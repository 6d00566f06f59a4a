"""Fills: what stands where a part of an image is hidden."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize._utils.validation import is_number, received
from visualize.errors import InputError

WORDS = ("mean", "blur")
BLUR = 0.1  # standard deviation, in parts of the image's shortest side


def checked_fill(fill: Any, default: float | str, channels: int) -> float | tuple[float, ...] | str:
    """A number, a color of one number for each of the channels, "mean" or "blur".

    Raises:
        InputError: it is none of these.
    """
    fill = default if fill is None else fill
    if isinstance(fill, str) and fill in WORDS:
        return fill
    if is_number(fill):
        return float(fill)
    color = fill.tolist() if isinstance(fill, np.ndarray) else fill
    if isinstance(color, list | tuple) and len(color) == channels and all(map(is_number, color)):
        return tuple(map(float, color))
    words = "'mean' or 'blur'"
    raise InputError(
        f"`fill` must be a finite number, {channels} of them as a color, {words}. Received: {received(fill)}."
        if channels > 1
        else f"`fill` must be a finite number, {words}. Received: {received(fill)}."
    )


def filling(images: Any, fill: float | tuple[float, ...] | str) -> Any:
    """What to put in the place of images on the graph being traced, (batch, *places, channels), or what broadcasts to it.

    Args:
        images: (batch, *places, channels).
        fill: a number; a color, one number a channel; "mean", each image's mean color; or "blur", the image through a
            Gaussian of a tenth of its shortest side, cut off and made up for at the border. Fong & Vedaldi (2017),
            arXiv:1704.03296, section 4.1, hide things so.
    """
    axes = list(range(1, images.shape.rank - 1))
    if fill == "mean":
        return tf.reduce_mean(images, axis=axes, keepdims=True)
    if fill != "blur":
        color = tf.constant([fill] if isinstance(fill, float) else fill, images.dtype)  # (1,) or (channels,)
        return tf.zeros([tf.shape(images)[0], *[1] * (images.shape.rank - 1)], images.dtype) + color
    sigma = BLUR * min(images.shape[1:-1])
    for axis in axes:
        weights = tf.constant(_gaussian(images.shape[axis], sigma), images.dtype)
        order = [axis, *(other for other in range(images.shape.rank) if other != axis)]
        blurred = tf.tensordot(weights, images, axes=[1, axis])  # the blurred axis comes first
        images = tf.transpose(blurred, np.argsort(order))
    return images


def _gaussian(length: int, sigma: float) -> np.ndarray:
    """The weight of each pixel of a line, (length, length), in the blurred value of each; they add up to 1."""
    apart = np.arange(length)[:, None] - np.arange(length)
    weights = np.exp(-(apart**2) / (2 * sigma**2))
    return weights / weights.sum(axis=1, keepdims=True)
