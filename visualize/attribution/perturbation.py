"""Perturbation: many changed copies of each image, made and run inside the graph, and what hides a part of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize._utils.validation import is_number, received
from visualize.attribution.request import Batch
from visualize.engine.shapes import sizes
from visualize.errors import InputError

FILL_WORDS = ("mean", "blur")
BLUR = 0.1  # standard deviation, as a fraction of the image's side along each axis

Fill = float | tuple[float, ...] | str  # a number, a color, or one of FILL_WORDS


def loop_over_copies(
    batch: Batch,
    count: int | tf.Tensor,
    body: Callable[..., tuple[tf.Tensor, ...]],
    state: Sequence[tf.Tensor],
    *,
    first: int | tf.Tensor = 0,
) -> list[tf.Tensor]:
    """Go through the numbers of `count` copies of each image, as many at a time as `batch.copies_at_once` allows.

    Args:
        batch: the batch.
        count: how many copies of each image.
        body: `body(numbers, *state) -> state`: what to do with the copies of those numbers, (k,).
        state: tensors to begin with.
        first: number of the first copy.

    Returns:
        The state after the last copy. Memory is bounded by the copies at once, not by `count`.
    """
    at_once = tf.maximum(1, batch.copies_at_once // tf.shape(batch.images)[0])
    loops = -(-count // at_once)  # even ones: each has as many copies as the others, or one less

    def step(loop, *state):
        return loop + 1, *body(first + tf.range(loop * count // loops, (loop + 1) * count // loops), *state)

    return list(tf.while_loop(lambda loop, *_: loop < loops, step, (0, *state))[1:])


def sum_gradients(
    batch: Batch,
    count: int | tf.Tensor,
    change: Callable[[tf.Tensor], tf.Tensor],
    reduce: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    sums: int,
) -> list[tf.Tensor]:
    """Sum functions of the score's gradient over `count` changed copies of each image.

    Args:
        batch: the batch.
        count: how many copies of each image.
        change: `change(numbers) -> copies`: the copies of those numbers, (k,), as (k, batch, height, width, channels).
        reduce: `reduce(gradients) -> tensors`: what to sum over k, of gradients (k, batch, height, width, channels).
        sums: how many tensors `reduce` returns.

    Returns:
        The sums, each (batch, height, width, channels).
    """

    def body(numbers, *totals):
        gradients = gradients_of_copies(batch, change(numbers))
        return tuple(total + tf.reduce_sum(part, axis=0) for total, part in zip(totals, reduce(gradients), strict=True))

    return loop_over_copies(batch, count, body, [tf.zeros_like(batch.images) for _ in range(sums)])


def gradients_of_copies(batch: Batch, copies: tf.Tensor) -> tf.Tensor:
    """The gradient of each copy's score with respect to its pixels, for copies (k, batch, height, width, channels)."""
    flat = tf.reshape(copies, [-1, *batch.images.shape[1:]])
    forward, score = batch.rerun(flat, tf.shape(copies)[0])
    return tf.reshape(forward.gradient(score, flat, "the image"), tf.shape(copies))


def scores_of_copies(batch: Batch, count: int | tf.Tensor, score: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """The score of each of `count` changed copies of each image, (count, batch) float32.

    Args:
        batch: the batch.
        count: how many copies of each image.
        score: `score(numbers, k) -> scores`, (k x batch,), of the copies of those numbers, (k,).
    """

    def body(numbers, scores):
        copies = tf.shape(numbers)[0]
        rows = tf.reshape(tf.cast(score(numbers, copies), tf.float32), [copies, -1])
        return (tf.tensor_scatter_nd_update(scores, numbers[:, None], rows),)

    return loop_over_copies(batch, count, body, [tf.zeros([count, tf.shape(batch.images)[0]])])[0]


def checked_fill(fill: Any, default: float | str, channels: int, *, name: str = "fill", or_image: str = "") -> Fill:
    """A number, a color of one number for each of the channels, "mean" or "blur".

    Args:
        fill: what was passed; None for the default.
        default: what is taken then.
        channels: of the image.
        name: of the parameter, for the message.
        or_image: what else it may be, for the message.

    Raises:
        InputError: it is none of these.
    """
    fill = default if fill is None else fill
    if isinstance(fill, str) and fill in FILL_WORDS:
        return fill
    color = fill.tolist() if isinstance(fill, np.ndarray) else fill
    if is_number(color):
        return float(color)
    if isinstance(color, list | tuple) and len(color) == channels and all(map(is_number, color)):
        return tuple(map(float, color))
    colors = f", {channels} of them as a color" if channels > 1 else ""
    value = f"shape {fill.shape}" if isinstance(fill, np.ndarray) and fill.ndim else received(fill)
    raise InputError(f"`{name}` must be a finite number{colors}, 'mean' or 'blur'{or_image}. Received: {value}.")


def fill_in_json(fill: Fill) -> float | str | list[float]:
    """A fill as a record states it."""
    return list(fill) if isinstance(fill, tuple) else fill


def fill_images(images: tf.Tensor, fill: Fill) -> tf.Tensor:
    """What hides images, on the graph being traced: (batch, height, width, channels), or what broadcasts to it.

    Args:
        images: (batch, height, width, channels), with one to three spatial axes.
        fill: a number; a color, one number per channel; "mean", the mean color of each image; or "blur", the image through a
            Gaussian of a tenth of its side along each axis, cut off and renormalized at the border. Fong & Vedaldi (2017),
            arXiv:1704.03296, section 4.1, hide parts of images in this way.
    """
    axes = list(range(1, images.shape.rank - 1))
    if fill == "mean":
        return tf.reduce_mean(images, axis=axes, keepdims=True)
    if fill != "blur":
        color = tf.constant([fill] if isinstance(fill, float) else fill, images.dtype)  # (1,) or (channels,)
        return tf.zeros([tf.shape(images)[0], *[1] * (images.shape.rank - 1)], images.dtype) + color
    size = sizes(images, 1, -1)
    for axis, length in enumerate(size, 1):
        weights = tf.constant(_gaussian(length, BLUR * length), images.dtype)
        order = [axis, *(other for other in range(images.shape.rank) if other != axis)]
        blurred = tf.tensordot(weights, images, axes=[1, axis])  # the blurred axis comes first
        images = tf.transpose(blurred, np.argsort(order))
    return images


def _gaussian(length: int, sigma: float) -> np.ndarray:
    """The weight of each pixel of a line, (length, length), in the blurred value of each pixel; each row adds up to 1."""
    distances = np.arange(length)[:, None] - np.arange(length)
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    return weights / weights.sum(axis=1, keepdims=True)
