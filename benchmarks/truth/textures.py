"""Textures: a small square whose texture is the class, a decoy, and a digit that tells nothing."""

from __future__ import annotations

import numpy as np

from benchmarks.truth.planted import DIGIT, Planted, apart, drawn_digits

SIDE = 56
PATCH = 7
NOISE = 0.05  # standard deviation of the background
_ROWS, _COLUMNS = np.indices((PATCH, PATCH))
TEXTURES = np.stack(
    [
        _ROWS % 2,  # stripes that lie
        _COLUMNS % 2,  # stripes that stand
        (_ROWS + _COLUMNS) % 2,  # a checkerboard
        (_ROWS + _COLUMNS) // 2 % 2,  # stripes that slant
    ]
).astype("float32")  # (classes, 7, 7)
CLASSES = len(TEXTURES)


def textures(part: str, count: int, seed: int) -> Planted:
    """Pictures of 56x56 with a digit, a decoy, and the 7x7 texture that alone is the class: 1.6 % of the picture.

    The digit is random. The decoy is a square of the same size whose pixels are black or white at random: as bright and as
    full of edges as the texture.

    Args:
        part: "train" or "test", of MNIST.
        count: how many.
        seed: of everything that is random.
    """
    generator = np.random.default_rng([seed, part == "test"])
    images = np.abs(generator.normal(0, NOISE, (count, SIDE, SIDE))).astype("float32")
    labels = generator.integers(CLASSES, size=count)
    masks = np.zeros((count, SIDE, SIDE), bool)
    figures, _ = drawn_digits(generator, part, count)
    for image, label, mask, figure in zip(images, labels, masks, figures, strict=True):
        top, left = generator.integers(SIDE - DIGIT + 1, size=2)
        ground = image[top : top + DIGIT, left : left + DIGIT]
        np.maximum(ground, figure, out=ground)
        patch, decoy = apart(generator, SIDE, ((PATCH, PATCH), (PATCH, PATCH)))
        image[patch] = TEXTURES[label]
        image[decoy] = generator.integers(2, size=(PATCH, PATCH))
        mask[patch] = True
    return Planted(images[..., None], labels, masks)
