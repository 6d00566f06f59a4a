"""Sampling: many changed copies of each image, made and looked at inside the graph, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from visualize._utils.lazy import tf
from visualize.attribution.request import View


def over_copies(view: View, count: int, rows: int, body: Callable[..., tuple], state: Sequence[Any]) -> list[Any]:
    """Go through the numbers of `count` copies of each image, as many at a time as `rows` allow; memory is bounded by `rows`.

    Args:
        view: the batch.
        count: how many copies of each image.
        rows: how many copies of all images to make at a time, at least one of each.
        body: `body(numbers, *state) -> state`: what to do with the copies of those numbers, (k,).
        state: tensors to begin with.

    Returns:
        The state after the last copy.
    """
    at_once = tf.maximum(1, rows // tf.shape(view.images)[0])
    loops = -(-count // at_once)  # even ones: each has as many copies as the others, or one less

    def step(loop, *state):
        return loop + 1, *body(tf.range(loop * count // loops, (loop + 1) * count // loops), *state)

    return list(tf.while_loop(lambda loop, *_: loop < loops, step, (0, *state))[1:])


def summed_slopes(
    view: View,
    count: int,
    rows: int,
    change: Callable[[Any], Any],
    reduce: Callable[[Any], tuple[Any, ...]],
    sums: int,
) -> list[Any]:
    """Sum something of the score's slope over `count` changed copies of each image.

    Args:
        view: the batch.
        count: how many copies of each image.
        rows: how many copies of all images to look at at a time.
        change: `change(numbers) -> copies`: what the copies of those numbers, (k,), are: (k, batch, height, width, ...).
        reduce: `reduce(slopes) -> tensors`: what of the slopes, (k, batch, height, width, ...), to sum over k.
        sums: how many tensors `reduce` returns.

    Returns:
        The sums, each (batch, height, width, ...).
    """

    def body(numbers, *totals):
        copies = change(numbers)
        flat = tf.reshape(copies, [-1, *view.images.shape[1:]])
        seen, score = view.again(flat, tf.shape(numbers)[0])
        slopes = tf.reshape(seen.gradient(score, flat, "the image"), tf.shape(copies))
        return tuple(total + tf.reduce_sum(one, axis=0) for total, one in zip(totals, reduce(slopes), strict=True))

    return over_copies(view, count, rows, body, [tf.zeros_like(view.images) for _ in range(sums)])


def scores_of_copies(view: View, count: int, rows: int, look: Callable[[Any, Any], Any]) -> Any:
    """The score of each of `count` copies of each image, (count, batch) float32.

    Args:
        view: the batch.
        count: how many copies of each image.
        rows: how many copies of all images to look at at a time.
        look: `look(numbers, k) -> scores`, (k x batch,), of the copies of those numbers, (k,).
    """

    def body(numbers, found):
        copies = tf.shape(numbers)[0]
        scores = tf.reshape(tf.cast(look(numbers, copies), tf.float32), [copies, -1])
        return (tf.tensor_scatter_nd_update(found, numbers[:, None], scores),)

    return over_copies(view, count, rows, body, [tf.zeros([count, tf.shape(view.images)[0]])])[0]
