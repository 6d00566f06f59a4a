"""Parts: digits drawn of seven bars, as on a calculator, and what the score loses when a bar is not drawn.

After FunnyBirds (Hesse, Schaub-Meyer & Roth 2023, arXiv:2308.06248, single deletion): a part is taken away in the drawing, not
painted over, so the truth needs no stand-in for missing pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.truth.planted import Planted

SIDE = 56
LENGTH, THICKNESS = 10, 4  # of a bar
NOISE = 0.05
# (row, column) of the corner, in bars, and whether it lies: top, left and right above, middle, left and right below, bottom
BARS = (
    (0, 0, True),
    (0, 0, False),
    (0, 1, False),
    (1, 0, True),
    (1, 0, False),
    (1, 1, False),
    (2, 0, True),
)
DIGITS = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")
CLASSES = len(DIGITS)


@dataclass(frozen=True, eq=False)
class Drawings:
    """Digits of bars.

    Attributes:
        planted: the pictures, with all bars of the digit as the mask.
        bars: (count, 7, height, width) bool, the pixels of each bar, also of those that are not there.
        there: (count, 7) bool, which of the bars are drawn.
        grounds: (count, height, width, 1), the pictures without any bar.
    """

    planted: Planted
    bars: np.ndarray
    there: np.ndarray
    grounds: np.ndarray

    def without(self, bar: int) -> np.ndarray:
        """The pictures without one of the bars, (count, height, width, 1)."""
        others = (self.bars & self.there[:, :, None, None])[:, [other for other in range(len(BARS)) if other != bar]]
        gone = self.bars[:, bar] & ~others.any(axis=1)  # bars meet at the corners
        return np.where(gone[..., None], self.grounds, self.planted.images)


def drawings(part: str, count: int, seed: int) -> Drawings:
    """Digits of bars on a noisy ground, anywhere in the picture, of random brightness."""
    generator = np.random.default_rng([seed, part == "test"])
    labels = generator.integers(CLASSES, size=count)
    there = np.array([[bar == "1" for bar in digit] for digit in DIGITS])[labels]
    grounds = np.abs(generator.normal(0, NOISE, (count, SIDE, SIDE))).astype("float32")
    height, width = 2 * LENGTH + THICKNESS, LENGTH + THICKNESS
    tops = generator.integers(SIDE - height + 1, size=count)
    lefts = generator.integers(SIDE - width + 1, size=count)
    bars = np.zeros((count, len(BARS), SIDE, SIDE), bool)
    for own, top, left in zip(bars, tops, lefts, strict=True):
        for bar, (row, column, lies) in zip(own, BARS, strict=True):
            y, x = top + row * LENGTH, left + column * LENGTH
            bar_height, bar_width = (THICKNESS, LENGTH + THICKNESS) if lies else (LENGTH + THICKNESS, THICKNESS)
            bar[y : y + bar_height, x : x + bar_width] = True
    masks = (bars & there[:, :, None, None]).any(axis=1)
    brightness = generator.uniform(0.6, 1, (count, 1, 1)).astype("float32")
    images = np.where(masks, brightness, grounds)
    return Drawings(Planted(images[..., None], labels, masks), bars, there, grounds[..., None])


def training_drawings(part: str, count: int, seed: int) -> Planted:
    """The same, of which some 17 % lack a bar, so that a digit without one is no surprise to the network."""
    drawn = drawings(part, count, seed)
    generator = np.random.default_rng([seed, 2])
    images = drawn.planted.images.copy()
    for bar in range(len(BARS)):
        chosen = (generator.integers(4 * len(BARS), size=count) == bar) & drawn.there[:, bar]
        images[chosen] = drawn.without(bar)[chosen]
    return Planted(images, drawn.planted.labels, drawn.planted.masks)


def plain_drawings(part: str, count: int, seed: int) -> Planted:
    """The pictures alone."""
    return drawings(part, count, seed).planted
