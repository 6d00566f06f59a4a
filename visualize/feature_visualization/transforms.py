"""Transforms: images shifted, rotated, scaled and overlaid with noise, at random at each step.

What activates a unit only while every pixel stays exactly where it is looks like noise; what survives small transforms is a
picture (Olah, Mordvintsev & Schubert 2017, doi:10.23915/distill.00007, section "Transformation Robustness").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from visualize._utils.lazy import tf


@dataclass(frozen=True)
class TransformRanges:
    """The ranges that the transforms of the steps are drawn from.

    Attributes:
        jitter: most pixels of a shift.
        rotate: most degrees of a rotation.
        scale: lowest and highest factor.
        noise: standard deviation of the noise that is added to pixels, as a part of the input range.
    """

    jitter: int
    rotate: float
    scale: tuple[float, float]
    noise: float

    @property
    def names(self) -> tuple[str, ...]:
        """Of the arrays that `draw` returns."""
        warps = ("warps",) if self.rotate or tuple(self.scale) != (1, 1) else ()
        return ("shifts", *warps, *(("noises", "noise_seeds") if self.noise else ()))

    def draw(self, steps: int, shape: tuple[int, int], seed: int) -> dict[str, np.ndarray]:
        """The transform of each step, the same for all images.

        Args:
            steps: how many.
            shape: (height, width) of the images.
            seed: of the random numbers.

        Returns:
            `shifts`, (steps, 2) int32, pixels down and right; if images are rotated or scaled, `warps`, (steps, 4) float32:
            the angle in radians, the factor, and the center of what is shown, pixels down and right of that of the image; and
            with noise `noises`, (steps,) float32, its standard deviation, and `noise_seeds`, (steps, 2) int32.

            Factors are drawn so that enlarging by one is as likely as reducing by it. Of an enlarged image a part is shown,
            anywhere within the image.
        """
        shifts = np.random.default_rng(seed).integers(-self.jitter, self.jitter, (steps, 2), dtype="int32", endpoint=True)
        arrays = {"shifts": shifts}
        if "warps" in self.names:
            generator = np.random.default_rng([seed, 1])  # of its own: the shifts are the same with warps and without
            angles = np.radians(generator.uniform(-self.rotate, self.rotate, steps))
            factors = np.exp(generator.uniform(np.log(self.scale[0]), np.log(self.scale[1]), steps))
            room = np.maximum(0, 1 - 1 / factors)[:, None] * np.array(shape) / 2  # (steps, 2)
            centers = room * generator.uniform(-1, 1, room.shape)
            arrays["warps"] = np.column_stack([angles, factors, centers]).astype("float32")
        if "noises" in self.names:
            generator = np.random.default_rng([seed, 2])
            arrays["noises"] = np.full(steps, self.noise, "float32")
            arrays["noise_seeds"] = generator.integers(0, 2**31, (steps, 2), dtype="int32")
        return arrays


def identity_transform(names: Iterable[str]) -> Mapping[str, np.ndarray]:
    """One step that leaves images as they are, with the arrays of these names of `TransformRanges.draw`."""
    arrays = {
        "shifts": np.zeros((1, 2), "int32"),
        "warps": np.array([[0, 1, 0, 0]], "float32"),
        "noises": np.zeros(1, "float32"),
        "noise_seeds": np.zeros((1, 2), "int32"),
    }
    return {name: arrays[name] for name in names}


def transform(images: tf.Tensor, transforms: Mapping[str, tf.Tensor], span: float) -> tf.Tensor:
    """Images with noise, rotated and scaled, then shifted; what leaves at one border comes in at the other.

    Args:
        images: (batch, height, width, channels).
        transforms: of one step: a row of each array of `TransformRanges.draw`.
        span: length of the input range.
    """
    if "noises" in transforms:  # the same for all images: none depends on the others of its batch
        shape, seed = tf.shape(images)[1:], transforms["noise_seeds"]
        noise = tf.random.stateless_normal(shape, seed, dtype=tf.float32)[None]
        images += tf.cast(span * transforms["noises"] * noise, images.dtype)
    if "warps" in transforms:
        images = _warped(images, transforms["warps"])
    return tf.roll(images, transforms["shifts"], axis=[1, 2])


def _warped(images: tf.Tensor, warp: tf.Tensor) -> tf.Tensor:
    """Images rotated and scaled by bilinear interpolation; beyond its border the picture is repeated.

    One sparse matrix, (pixels, pixels), warps all images, so that its transpose takes the gradient back exactly.
    """
    angle, factor, center_down, center_right = tf.unstack(warp)
    _, height, width, channels = cast("list[int]", images.shape.as_list())  # all known but the batch
    # From each pixel of the result to the (fractional) row and column that it shows: the inverse rotation about the center.
    vertical, horizontal = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    down, right = (tf.constant(offsets.ravel(), tf.float32) for offsets in (vertical, horizontal))  # (pixels,)
    rows = (tf.cos(angle) * down + tf.sin(angle) * right) / factor + (height - 1) / 2 + center_down
    columns = (tf.cos(angle) * right - tf.sin(angle) * down) / factor + (width - 1) / 2 + center_right
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
