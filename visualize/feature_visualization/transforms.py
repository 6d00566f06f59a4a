"""Transforms: an image seen a little to the side, turned or nearer, by a new chance at each step.

What a unit answers to only when every pixel stands in its place is noise to us; what survives small moves is a picture (Olah,
Mordvintsev & Schubert 2017, doi:10.23915/distill.00007, section "Transformation Robustness").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize._utils.lazy import tf


def draw_moves(steps: int, jitter: int, rotate: float, scale: tuple[float, float], seed: int) -> dict[str, np.ndarray]:
    """The moves of each step, the same for all images.

    Returns:
        `shifts`, (steps, 2) int32, down and right; and where there is something to rotate or to scale `warps`, (steps, 2)
        float32: the angle in radians, and the factor.
    """
    shifts = np.random.default_rng(seed).integers(-jitter, jitter, (steps, 2), dtype="int32", endpoint=True)
    if not rotate and tuple(scale) == (1, 1):
        return {"shifts": shifts}
    chance = np.random.default_rng([seed, 1])  # its own, so that the shifts stay what they are without it
    angles, factors = np.radians(chance.uniform(-rotate, rotate, steps)), chance.uniform(*scale, steps)
    return {"shifts": shifts, "warps": np.stack([angles, factors], axis=-1).astype("float32")}


def no_move(moves: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One step of the same kind that leaves images as they are."""
    still = {"shifts": np.zeros((1, 2), "int32"), "warps": np.array([[0, 1]], "float32")}
    return {name: still[name] for name in moves}


def moved(images: Any, shift: Any, warp: Any | None) -> Any:
    """Images, (batch, height, width, channels), turned and scaled about their center, then shifted around the border.

    Args:
        images: a tensor.
        shift: (2,) pixels, down and right.
        warp: (2,) angle and factor, above 1 nearer; None to leave that out of the graph.
    """
    return tf.roll(images if warp is None else _warped(images, warp[0], warp[1]), shift, axis=[1, 2])


def _warped(images: Any, angle: Any, factor: Any) -> Any:
    """Bilinear; what lies beyond the border is what the shift brings in: the picture again.

    One sparse matrix for all images, so that its transposed takes the slope back exactly.
    """
    _, height, width, channels = images.shape
    down, right = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    down, right = (tf.constant(one.ravel(), tf.float32) for one in (down, right))
    rows = (tf.cos(angle) * down + tf.sin(angle) * right) / factor + (height - 1) / 2
    columns = (tf.cos(angle) * right - tf.sin(angle) * down) / factor + (width - 1) / 2
    top, left = tf.floor(rows), tf.floor(columns)
    places, weights = [], []
    for below in (0, 1):
        for beside in (0, 1):
            row, column = (tf.cast(one, tf.int64) for one in (top + below, left + beside))
            places.append(row % height * width + column % width)
            weights.append((1 - tf.abs(rows - top - below)) * (1 - tf.abs(columns - left - beside)))
    count = height * width
    corners = tf.stack([tf.tile(tf.range(count, dtype=tf.int64), [4]), tf.concat(places, 0)], axis=-1)
    matrix = tf.SparseTensor(corners, tf.cast(tf.concat(weights, 0), images.dtype), [count, count])
    flat = tf.reshape(tf.transpose(images, [1, 2, 0, 3]), [count, -1])
    warped = tf.sparse.sparse_dense_matmul(matrix, flat)
    return tf.transpose(tf.reshape(warped, [height, width, -1, channels]), [2, 0, 1, 3])
