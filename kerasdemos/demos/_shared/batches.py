"""Batches for `model.fit` in an order that depends on a seed and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np


def shuffled(x: np.ndarray, y: np.ndarray, *, batch: int, epochs: int, seed: int) -> Any:
    """Every batch of every epoch, each epoch in a fresh order, as one `tf.data.Dataset`.

    `model.fit(x, y)` shuffles with TensorFlow's global seed, which anyone may change. This one goes to
    `model.fit(..., steps_per_epoch=batches_in(len(x), batch), shuffle=False)`: it is shuffled already.
    """
    import tensorflow as tf

    random = np.random.default_rng(seed)
    orders = np.stack([random.permutation(len(x)) for _ in range(epochs)])  # (epochs, n)
    x, y = tf.constant(x), tf.constant(y)
    indices = tf.data.Dataset.from_tensor_slices(orders).flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch)
    )
    return indices.map(lambda chosen: (tf.gather(x, chosen), tf.gather(y, chosen)))


def batches_in(count: int, batch: int) -> int:
    """How many batches an epoch has; the last one may be smaller."""
    return -(-count // batch)
