"""Baselines: maps that know nothing of the model, and the order in which a map ranks the pixels."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from visualize._utils.validation import received
from visualize.errors import InputError

BLOCK = 1 / 7  # side of a random block, of the shortest side of the image

BASELINES = ("random pixels", "random blocks", "distance to the center", "edges")
RANDOM = BASELINES[:2]


def baseline_maps(images: np.ndarray, names: Sequence[str] = BASELINES, seed: int = 0) -> dict[str, np.ndarray]:
    """Maps of images by methods that do not look at the model.

    The chance of one image depends on its pixels and the seed alone, not on the other images of the batch.

    Args:
        images: (batch, height, width, channels), with one to three spatial axes.
        names: of BASELINES.
        seed: of the random ones.

    Returns:
        The maps by name, (batch, height, width) each. "random pixels" is noise; "random blocks" noise of squares with a side
        of a seventh of the shortest one; "distance to the center" is highest in the middle; "edges" is the size of Sobel's
        gradient of the gray image.

    Raises:
        InputError: a name is none of BASELINES.
    """
    for name in names:
        if name not in BASELINES:
            raise InputError(f"`baselines` must be among {', '.join(map(repr, BASELINES))}. Received: {received(name)}.")
    maps: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
        "random pixels": lambda image, generator: generator.random(image.shape[:-1]),
        "random blocks": _random_blocks,
        "distance to the center": lambda image, _: _closeness_to_center(image.shape[:-1]),
        "edges": lambda image, _: _edges(image),
    }
    return {
        name: np.stack([maps[name](image, image_generator(image, seed, BASELINES.index(name))) for image in images])
        for name in names
    }


def ranks_of(maps: np.ndarray, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """The rank of each pixel of each map, 0 for the highest value; pixels of equal value are ranked at random.

    Args:
        maps: (batch, height, width).
        images: (batch, height, width, channels); the chance of one image depends on its pixels and the seed alone.
        seed: of the ties.

    Returns:
        The shape of the maps, int32.
    """
    ranks = np.empty(maps.shape, "int32")
    for image, values, rank in zip(images, maps, ranks, strict=True):
        shuffled = image_generator(image, seed, len(BASELINES)).permutation(values.size)
        order = shuffled[np.argsort(-values.ravel()[shuffled], kind="stable")]
        rank.ravel()[order] = np.arange(values.size, dtype="int32")
    return ranks


def image_generator(image: np.ndarray, seed: int, purpose: int = 0) -> np.random.Generator:
    """A generator of random numbers that depends on the pixels of an image, a seed and the purpose."""
    return np.random.default_rng([seed, purpose, zlib.crc32(np.ascontiguousarray(image).tobytes())])


def _random_blocks(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    size = image.shape[:-1]
    side = max(1, round(BLOCK * min(size)))
    blocks = generator.random([-(-length // side) for length in size])
    for axis, length in enumerate(size):
        blocks = np.take(blocks, np.arange(length) // side, axis=axis)
    return blocks


def _closeness_to_center(size: Sequence[int]) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(length) - (length - 1) / 2 for length in size), indexing="ij")
    distances = np.sqrt(sum(axis**2 for axis in axes))
    return distances.max() - distances


def _edges(image: np.ndarray) -> np.ndarray:
    """The size of Sobel's gradient of the mean of the channels; at the border the image is mirrored."""
    gray = image.mean(axis=-1, dtype="float64")
    total = np.zeros_like(gray)
    for axis in range(gray.ndim):
        part = gray
        for other in range(gray.ndim):
            before, after = _neighbors(part, other)
            part = after - before if other == axis else (before + 2 * part + after) / 4
        total += part**2
    return np.sqrt(total / gray.ndim)


def _neighbors(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The value before and after each one along an axis."""
    width = [(1, 1) if other == axis else (0, 0) for other in range(values.ndim)]
    padded, length = np.pad(values, width, "symmetric"), values.shape[axis]
    return np.take(padded, np.arange(length), axis), np.take(padded, np.arange(2, length + 2), axis)
