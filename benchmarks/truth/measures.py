"""Measures: how well a map says where the truth is, or how much each part contributes."""

from __future__ import annotations

import numpy as np

from visualize.metrics import mass_in_region, pointing_game, rank_in_region
from visualize.metrics.ranks import mean_ranks


def mass(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of the positive evidence of each map inside the mask, (count,); 0 for a map without any.

    Args:
        maps: (count, height, width).
        masks: the same shape, bool.
    """
    return mass_in_region(maps, masks)


def rank(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of the mask's pixels among as many highest pixels of each map, (count,)."""
    return rank_in_region(maps, masks)


def point(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether the highest pixel of each map is inside the mask, (count,); of several highest pixels, the share that is."""
    return pointing_game(maps, masks)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation; 0 if one of them is constant."""
    first, second = first - first.mean(), second - second.mean()
    norm = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / norm) if norm > 0 else 0.0


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation, equal values at their mean rank; 0 if one of them is constant."""
    return correlation(mean_ranks(first), mean_ranks(second))
