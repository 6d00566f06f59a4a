"""Patches: where a square or box hides an image, one position after another, and what that says of each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visualize.data.framing import PHOTOGRAPH_SIDE
from visualize.errors import InputError


@dataclass(frozen=True)
class Patches:
    """The patches that hide an image, one after another.

    Attributes:
        sides: of a patch along each spatial axis, in pixels.
        strides: pixels from one position to the next along each spatial axis.
        starts: for each spatial axis, where the patches begin along it; the last one reaches the border.
    """

    sides: tuple[int, ...]
    strides: tuple[int, ...]
    starts: tuple[tuple[int, ...], ...]

    @classmethod
    def over(cls, size: Sequence[int], side: int | Sequence[int] | None, stride: int | Sequence[int] | None) -> Patches:
        """Patches that cover an image of a spatial shape.

        Args:
            size: the spatial shape, such as (height, width).
            side: of a patch; one number for all axes, or one for each; by default two sevenths of the shortest side of a
                photograph, and a seventh of that of anything else.
            stride: from one position to the next, likewise; by default a quarter of a photograph's patch, and half of another.

        Raises:
            InputError: `patch` or `stride` is out of range.
        """
        shortest, axes = min(size), len(size)
        is_photograph = axes == 2 and shortest >= PHOTOGRAPH_SIDE
        if isinstance(side, Sequence | np.ndarray):
            sides = _checked_sides("patch", side, size, "the length of that axis of the image")
        else:
            sides = _checked_sides(
                "patch",
                [max(1, (2 if is_photograph else 1) * shortest // 7) if side is None else side] * axes,
                [shortest] * axes,
                "the image's shortest side",
            )
        reason = "`patch`, or pixels would never be hidden"
        if isinstance(stride, Sequence | np.ndarray):
            strides = _checked_sides("stride", stride, sides, reason)
        elif stride is None:
            strides = tuple(max(1, each // (4 if is_photograph and side is None else 2)) for each in sides)
        else:
            strides = _checked_sides("stride", [stride] * axes, [min(sides)] * axes, reason)
        starts = []
        for length, each, step in zip(size, sides, strides, strict=True):
            count = 1 - (-max(0, length - each) // step)
            starts.append(tuple(range(0, count * step, step)))
        return cls(sides, strides, tuple(starts))

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
        for axis, (starts, side, length) in enumerate(zip(self.starts, self.sides, size, strict=True), 1):
            pixels, first = np.arange(length), np.array(starts)[:, None]
            hides = (pixels >= first) & (pixels < first + side)  # (positions, length)
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


def in_short(numbers: Sequence[int]) -> int | list[int]:
    """One number where all are equal, as a setting states a patch; else a list."""
    return numbers[0] if len(set(numbers)) == 1 else list(numbers)


def _checked_sides(name: str, values: Sequence[int] | np.ndarray, most: Sequence[int], limit: str) -> tuple[int, ...]:
    """One number for each axis, from 1 to the most that each axis allows."""
    if isinstance(values, str) or len(values) != len(most):
        raise InputError(f"`{name}` must be one number, or one for each of the {len(most)} axes. Received: {values!r}.")
    for value, highest in zip(values, most, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= highest:
            raise InputError(f"`{name}` must be between 1 and {highest} ({limit}). Received: {value}.")
    return tuple(int(value) for value in values)
