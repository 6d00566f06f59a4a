"""Batches for `model.fit` in an order that depends on a seed and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


def shuffled_batches(x: np.ndarray, y: np.ndarray, *, batch: int, epochs: int, seed: int) -> tf.data.Dataset:
    """Every batch of every epoch, each epoch in a new order, as one data set.

    `model.fit(x, y)` shuffles with TensorFlow's global seed, which any code may change. Pass this data set to
    `model.fit(..., steps_per_epoch=batches_in(len(x), batch), shuffle=False)`: it is shuffled already.
    """
    import tensorflow as tf

    random = np.random.default_rng(seed)
    orders = np.stack([random.permutation(len(x)) for _ in range(epochs)])  # (epochs, n)
    all_x, all_y = tf.constant(x), tf.constant(y)
    indices = tf.data.Dataset.from_tensor_slices(orders).flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch)
    )
    return indices.map(lambda rows: (tf.gather(all_x, rows), tf.gather(all_y, rows)))


def batches_in(count: int, batch: int) -> int:
    """How many batches an epoch has; the last one may be smaller."""
    return -(-count // batch)
