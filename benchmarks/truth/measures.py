"""Measures: how well a map says where the truth is, or how much each part contributes."""

from __future__ import annotations

import numpy as np


def mass(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of the positive evidence of each map inside the mask, (count,); 0 for a map without any.

    Args:
        maps: (count, height, width).
        masks: the same shape, bool.
    """
    positive = np.maximum(maps.astype("float64"), 0)
    whole = positive.sum(axis=(1, 2))
    return np.where(masks, positive, 0).sum(axis=(1, 2)) / np.where(whole > 0, whole, 1)


def rank(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of the mask's pixels among as many highest pixels of each map, (count,).

    Pixels that are equally high share the places that are left, so a constant map has what chance would give it.
    """
    return np.array([_hits(values, mask, int(mask.sum())) for values, mask in zip(maps, masks, strict=True)])


def point(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether the highest pixel of each map is inside the mask, (count,); of several highest pixels, the share that is."""
    return np.array([_hits(values, mask, 1) for values, mask in zip(maps, masks, strict=True)])


def _hits(values: np.ndarray, mask: np.ndarray, count: int) -> float:
    """The expected share of the `count` highest pixels that lie in the mask, equally high ones in random order."""
    least = np.partition(values, -count, axis=None)[-count]
    above, level = values > least, values == least
    places = count - above.sum()
    return float((above & mask).sum() + places * (level & mask).sum() / level.sum()) / count


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation; 0 if one of them is constant."""
    first, second = first - first.mean(), second - second.mean()
    norm = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / norm) if norm > 0 else 0.0


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation, equal values at their mean rank; 0 if one of them is constant."""
    return correlation(_ranks(first), _ranks(second))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse.ravel()]
