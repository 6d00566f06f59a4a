"""Ranks: how alike two maps order their pixels."""

from __future__ import annotations

import numpy as np


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of two maps of each image, (batch,), -1 to 1.

    Equal pixels share their mean rank. Maps that are the same have 1; a map of one value has 0 with any other.

    Args:
        maps: (batch, height, width).
        others: the same.
    """
    return np.array([_correlation(first.ravel(), second.ravel()) for first, second in zip(maps, others, strict=True)])


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if np.array_equal(first, second):
        return 1.0
    ranks = [mean_ranks(values) for values in (first, second)]
    centered = [each - each.mean() for each in ranks]
    sizes = [float(np.linalg.norm(each)) for each in centered]
    return float(centered[0] @ centered[1]) / (sizes[0] * sizes[1]) if min(sizes) > 0 else 0.0


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value, from 1; equal values share the mean of theirs."""
    _, positions, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[positions]
