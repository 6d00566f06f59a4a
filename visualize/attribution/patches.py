"""Patches: where a square hides an image, one position after another, and what that says of each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visualize.errors import InputError


@dataclass(frozen=True)
class Patches:
    """The patches that hide an image, one after another.

    Attributes:
        side: of a patch, in pixels.
        stride: pixels from one position to the next.
        starts: for each spatial axis, where the patches begin along it; the last one reaches the border.
    """

    side: int
    stride: int
    starts: tuple[tuple[int, ...], ...]

    @classmethod
    def over(cls, size: Sequence[int], side: int | None, stride: int | None) -> Patches:
        """Patches that cover an image of a spatial shape; by default a seventh of its shortest side, half overlapping.

        Raises:
            InputError: `patch` or `stride` is out of range.
        """
        shortest = min(size)
        side = _checked_side("patch", side, max(1, shortest // 7), shortest, "the image's shortest side")
        stride = _checked_side("stride", stride, max(1, side // 2), side, "`patch`, or pixels would never be hidden")
        counts = [1 - (-max(0, length - side) // stride) for length in size]
        return cls(side, stride, tuple(tuple(range(0, count * stride, stride)) for count in counts))

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of positions along each axis."""
        return tuple(map(len, self.starts))

    def positions(self, images: int) -> Positions:
        """Every position of every image, image by image."""
        image, *corner = (axis.ravel() for axis in np.meshgrid(np.arange(images), *self.starts, indexing="ij"))
        return Positions(image.astype("int32"), np.stack(corner, axis=1).astype("int32"))

    def mean_at_pixels(self, values: np.ndarray, size: Sequence[int]) -> np.ndarray:
        """The mean at each pixel over the positions that hide it, (images, *size), of values (images, *grid)."""
        means = values.astype("float64")
        for axis, (starts, length) in enumerate(zip(self.starts, size, strict=True), 1):
            pixels, first = np.arange(length), np.array(starts)[:, None]
            hides = (pixels >= first) & (pixels < first + self.side)  # (positions, length)
            # Positions become pixels: one axis after the other, as rows and columns of a square are hidden independently.
            means = np.moveaxis(np.tensordot(means, hides / hides.sum(axis=0), axes=(axis, 0)), -1, axis)
        return means.astype("float32")


@dataclass(frozen=True, eq=False)
class Positions:
    """Hidden copies of images: which image, and where its patch is.

    Attributes:
        image: (n,) int32, number of the image.
        corner: (n, axes) int32, the first pixel of the patch along each spatial axis.
    """

    image: np.ndarray
    corner: np.ndarray


def _checked_side(name: str, value: int | None, default: int, most: int, limit: str) -> int:
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= most:
        raise InputError(f"`{name}` must be between 1 and {most} ({limit}). Received: {value}.")
    return int(value)
