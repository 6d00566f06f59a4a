"""Sampling: sums over many changed copies of each image, made and looked at inside the graph, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from visualize.explanation import View
from visualize.lazy import tf


def summed_slopes(
    view: View,
    count: int,
    rows: int,
    change: Callable[[Any], Any],
    reduce: Callable[[Any], tuple[Any, ...]],
    sums: int,
) -> list[Any]:
    """Sum something of the score's slope over `count` changed copies of each image.

    Memory is bounded by `rows`, whatever the count.

    Args:
        view: the batch.
        count: how many copies of each image.
        rows: how many copies of all images to look at at a time, at least one of each.
        change: `change(numbers) -> copies`: what the copies of those numbers, (k,), are: (k, batch, height, width, ...).
        reduce: `reduce(slopes) -> tensors`: what of the slopes, (k, batch, height, width, ...), to sum over k.
        sums: how many tensors `reduce` returns.

    Returns:
        The sums, each (batch, height, width, ...).
    """
    batch = tf.shape(view.images)[0]
    at_once = tf.maximum(1, rows // batch)
    loops = -(-count // at_once)  # even loops: the last is as large as the others, or one less

    def step(loop, *totals):
        numbers = tf.range(loop * count // loops, (loop + 1) * count // loops)
        copies = change(numbers)
        flat = tf.reshape(copies, [-1, *view.images.shape[1:]])
        seen, score = view.again(flat, tf.shape(numbers)[0])
        slopes = tf.reshape(seen.gradient(score, flat, "the image"), tf.shape(copies))
        return loop + 1, *(total + tf.reduce_sum(one, axis=0) for total, one in zip(totals, reduce(slopes), strict=True))

    start = (0, *(tf.zeros_like(view.images) for _ in range(sums)))
    return list(tf.while_loop(lambda loop, *_: loop < loops, step, start)[1:])
