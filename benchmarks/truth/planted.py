"""Planted: pictures of which it is known what a classifier of them has to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from kerasdemos.data.datasets import mnist_part

DIGIT = 28  # side of a digit of MNIST


@dataclass(frozen=True, eq=False)
class Planted:
    """Pictures, their classes and where the class is to be seen.

    Attributes:
        images: (count, height, width, 1) float32.
        labels: (count,) the class of each picture.
        masks: (count, height, width) bool, the pixels that make the class.
    """

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


@cache
def digits(part: str) -> tuple[np.ndarray, np.ndarray]:
    """The packaged MNIST: pictures (count, 28, 28) float32 in 0..1 and their digits; `part` is "train" or "test"."""
    images, labels = mnist_part(part)
    return images.astype("float32") / 255, labels.astype("int64")


def drawn_digits(generator: np.random.Generator, part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many digits at random, as `digits` has them."""
    images, labels = digits(part)
    chosen = generator.integers(len(images), size=count)
    return images[chosen], labels[chosen]


def apart(generator: np.random.Generator, side: int, sizes: tuple[tuple[int, int], ...]) -> Iterator[tuple[slice, slice]]:
    """A random place in a picture for each of these (height, width), none of which touches another."""
    taken = np.zeros((side, side), bool)
    for height, width in sizes:
        while True:
            top, left = generator.integers(side - height + 1), generator.integers(side - width + 1)
            near = (slice(max(0, top - 1), top + height + 1), slice(max(0, left - 1), left + width + 1))
            if not taken[near].any():
                break
        place = (slice(top, top + height), slice(left, left + width))
        taken[place] = True
        yield place
