"""Transforms: images shifted, rotated and scaled a little, at random at each step.

What activates a unit only while every pixel stays exactly where it is looks like noise; what survives small transforms is a
picture (Olah, Mordvintsev & Schubert 2017, doi:10.23915/distill.00007, section "Transformation Robustness").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np

from visualize._utils.lazy import tf


def draw_transforms(steps: int, jitter: int, rotate: float, scale: tuple[float, float], seed: int) -> dict[str, np.ndarray]:
    """The transform of each step, the same for all images.

    Args:
        steps: how many.
        jitter: most pixels of a shift.
        rotate: most degrees of a rotation.
        scale: lowest and highest factor.
        seed: of the random numbers.

    Returns:
        `shifts`, (steps, 2) int32, pixels down and right; and if images are rotated or scaled, `warps`, (steps, 2) float32:
        the angle in radians, and the factor.
    """
    shifts = np.random.default_rng(seed).integers(-jitter, jitter, (steps, 2), dtype="int32", endpoint=True)
    if not rotate and tuple(scale) == (1, 1):
        return {"shifts": shifts}
    generator = np.random.default_rng([seed, 1])  # of its own: the shifts are the same with warps and without
    angles, factors = np.radians(generator.uniform(-rotate, rotate, steps)), generator.uniform(*scale, steps)
    return {"shifts": shifts, "warps": np.stack([angles, factors], axis=-1).astype("float32")}


def identity_transform(names: Iterable[str]) -> Mapping[str, np.ndarray]:
    """One step that leaves images as they are, with the arrays of these names of `draw_transforms`."""
    arrays = {"shifts": np.zeros((1, 2), "int32"), "warps": np.array([[0, 1]], "float32")}
    return {name: arrays[name] for name in names}


def transform(images: tf.Tensor, shift: tf.Tensor, warp: tf.Tensor | None) -> tf.Tensor:
    """Images rotated and scaled about their center, then shifted; what leaves at one border comes in at the other.

    Args:
        images: (batch, height, width, channels).
        shift: (2,) pixels, down and right.
        warp: (2,) angle in radians and factor, above 1 to enlarge; None for no warp in the graph.
    """
    return tf.roll(images if warp is None else _warped(images, warp[0], warp[1]), shift, axis=[1, 2])


def _warped(images: tf.Tensor, angle: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Images rotated and scaled by bilinear interpolation; beyond its border the picture is repeated.

    One sparse matrix, (pixels, pixels), warps all images, so that its transpose takes the gradient back exactly.
    """
    _, height, width, channels = cast("list[int]", images.shape.as_list())  # all known but the batch
    # From each pixel of the result to the (fractional) row and column that it shows: the inverse rotation about the center.
    vertical, horizontal = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    down, right = (tf.constant(offsets.ravel(), tf.float32) for offsets in (vertical, horizontal))  # (pixels,)
    rows = (tf.cos(angle) * down + tf.sin(angle) * right) / factor + (height - 1) / 2
    columns = (tf.cos(angle) * right - tf.sin(angle) * down) / factor + (width - 1) / 2
    top, left = tf.floor(rows), tf.floor(columns)
    # The four pixels around it, and the weight of each.
    neighbors, weights = [], []
    for below in (0, 1):
        for beside in (0, 1):
            row, column = (tf.cast(index, tf.int64) for index in (top + below, left + beside))
            neighbors.append(row % height * width + column % width)
            weights.append((1 - tf.abs(rows - top - below)) * (1 - tf.abs(columns - left - beside)))
    pixels = height * width
    indices = tf.stack([tf.tile(tf.range(pixels, dtype=tf.int64), [4]), tf.concat(neighbors, 0)], axis=-1)  # (4 pixels, 2)
    matrix = tf.SparseTensor(indices, tf.cast(tf.concat(weights, 0), images.dtype), [pixels, pixels])
    flat = tf.reshape(tf.transpose(images, [1, 2, 0, 3]), [pixels, -1])  # (pixels, batch x channels)
    warped = tf.sparse.sparse_dense_matmul(matrix, flat)
    return tf.transpose(tf.reshape(warped, [height, width, -1, channels]), [2, 0, 1, 3])
