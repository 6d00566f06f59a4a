"""Patterns: two shapes in noise that are the class by their sum, by a product with the noise, or by an exclusive or.

After XAI-TRIS (Clark, Wilming & Haufe 2023, arXiv:2306.12816): shapes of four squares, T and L. There the linear and
the multiplicative shapes have one place each; here they are anywhere, so no map that is the same for all pictures is right.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.truth.planted import Planted, apart

SIDE = 32
BLOCK = 4  # side of each of the four squares
NOISE = 0.4  # standard deviation of the pixels, whose mean is zero
SIGNAL = 0.8  # what a shape adds to its pixels
QUENCHED = 0.9  # how much of the noise a shape takes away
CLASSES = 2
T = np.kron([[1, 1, 1], [0, 1, 0]], np.ones((BLOCK, BLOCK))).astype("float32")  # (8, 12)
L = np.kron([[1, 0], [1, 0], [1, 1]], np.ones((BLOCK, BLOCK))).astype("float32")  # (12, 8)


def linear(part: str, count: int, seed: int) -> Planted:
    """A T (class 0) or an L (class 1) that is brighter than the noise."""
    return _patterns(part, count, seed, lambda noise, shape: noise + SIGNAL * shape)


def multiplicative(part: str, count: int, seed: int) -> Planted:
    """A T or an L in which there is hardly any noise; its mean is that of the rest."""
    return _patterns(part, count, seed, lambda noise, shape: noise * (1 - QUENCHED * shape))


def xor(part: str, count: int, seed: int) -> Planted:
    """A T and an L, each brighter or darker than the noise: class 0 if both are the same, else class 1."""
    generator = np.random.default_rng([seed, part == "test"])
    noise = generator.normal(0, NOISE, (count, SIDE, SIDE)).astype("float32")
    masks = np.zeros((count, SIDE, SIDE), bool)
    signs = generator.choice([-1, 1], size=(count, 2))
    for image, mask, own in zip(noise, masks, signs, strict=True):
        for place, shape, sign in zip(apart(generator, SIDE, (T.shape, L.shape)), (T, L), own, strict=True):
            image[place] += sign * SIGNAL * shape
            mask[place] |= shape > 0
    return Planted(noise[..., None], (signs[:, 0] != signs[:, 1]).astype("int64"), masks)


def _patterns(part: str, count: int, seed: int, mixed: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Planted:
    generator = np.random.default_rng([seed, part == "test"])
    noise = generator.normal(0, NOISE, (count, SIDE, SIDE)).astype("float32")
    masks = np.zeros((count, SIDE, SIDE), bool)
    labels = generator.integers(CLASSES, size=count)
    for image, mask, label in zip(noise, masks, labels, strict=True):
        shape = (T, L)[label]
        (place,) = apart(generator, SIDE, (shape.shape,))
        image[place] = mixed(image[place], shape)
        mask[place] = shape > 0
    return Planted(noise[..., None], labels, masks)
