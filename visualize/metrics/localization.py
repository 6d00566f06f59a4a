"""Localization: whether a map lies where the evidence is known to be, such as the box of an object.

A low value is no proof against a map: the model may look elsewhere, at a background that tells the class. Only where it is
known what the model uses, as in pictures that were made for it, does the region say what is true.

Pixels of equal value are in no order: a measure that ranks them has the value expected over all orders.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize._utils.validation import checked_count
from visualize.errors import InputError
from visualize.metrics.complexity import maps_of
from visualize.results import Attribution
from visualize.targets import region_weights


def mass_in_region(attribution: Attribution | Any, region: Any) -> np.ndarray:
    """The share of the positive evidence that lies in a region, 0 to 1.

    Relevance mass accuracy of Arras et al. (2022), arXiv:2003.07258. A map without structure has
    the region's share of the picture.

    Args:
        attribution: an Attribution, or its values, (batch, height, width). What is below zero speaks against the class and
            counts as 0.
        region: (top, left, height, width), one box for all images; or a mask, (height, width) or (batch, height, width),
            above 0 inside.

    Returns:
        (batch,). 0 for a map without positive evidence.

    Raises:
        InputError: not maps of finite numbers, or `region` is no region of them.
    """
    maps, inside = _maps_and_region(attribution, region)
    evidence = np.maximum(maps, 0)
    evidence /= np.maximum(evidence.max(axis=1, keepdims=True), np.finfo(float).tiny)  # no sum can overflow
    total = evidence.sum(axis=1)
    return (evidence * inside).sum(axis=1) / np.where(total > 0, total, 1)


def rank_in_region(attribution: Attribution | Any, region: Any) -> np.ndarray:
    """The share of the highest pixels that lie in a region, of as many as it has: 0 to 1.

    Relevance rank accuracy of Arras et al. (2022), arXiv:2003.07258. A random map has the
    region's share of the picture.

    Args:
        attribution: an Attribution, or its values, (batch, height, width).
        region: as `mass_in_region` takes it.

    Returns:
        (batch,).

    Raises:
        InputError: what `mass_in_region` raises.
    """
    maps, inside = _maps_and_region(attribution, region)
    return _share_of_highest(maps, inside, inside.sum(axis=1))


def pointing_game(attribution: Attribution | Any, region: Any) -> np.ndarray:
    """Whether the highest pixel of each map lies in a region: 1 or 0; between them where several are highest.

    Zhang et al. (2018), arXiv:1608.00507, with a tolerance of 0 pixels; the mean over the images
    is the accuracy of the paper.

    Args:
        attribution: an Attribution, or its values, (batch, height, width).
        region: as `mass_in_region` takes it.

    Returns:
        (batch,).

    Raises:
        InputError: what `mass_in_region` raises.
    """
    maps, inside = _maps_and_region(attribution, region)
    return _share_of_highest(maps, inside, np.ones(len(maps), int))


def top_k_intersection(attribution: Attribution | Any, region: Any, *, k: int = 1000) -> np.ndarray:
    """The share of the k highest pixels that lie in a region, 0 to 1.

    Theiner et al. (2022), arXiv:2104.14995.

    Args:
        attribution: an Attribution, or its values, (batch, height, width).
        region: as `mass_in_region` takes it.
        k: how many pixels; all of a smaller map.

    Returns:
        (batch,).

    Raises:
        InputError: what `mass_in_region` raises, or `k` is no whole number from 1.
    """
    maps, inside = _maps_and_region(attribution, region)
    return _share_of_highest(maps, inside, np.full(len(maps), min(checked_count("k", k, 1), maps.shape[1])))


def _maps_and_region(attribution: Attribution | Any, region: Any) -> tuple[np.ndarray, np.ndarray]:
    """Maps, and whether each pixel is in the region, both (batch, pixels)."""
    maps = maps_of(attribution)
    size = np.shape(attribution.values if isinstance(attribution, Attribution) else attribution)[1:]
    weights = region_weights(region, len(maps), size)
    if weights is None:
        raise InputError("`region` must be (top, left, height, width), or a mask. Received: None.")
    return maps, weights.reshape(len(maps), -1) > 0


def _share_of_highest(maps: np.ndarray, inside: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The share of the `counts` highest pixels of each map that are inside, expected over all orders of equal ones."""
    ordered = np.sort(maps, axis=1)[:, ::-1]
    last = np.take_along_axis(ordered, counts[:, None] - 1, axis=1)  # the lowest value among the highest
    above, equal = maps > last, maps == last
    left = counts - above.sum(axis=1)  # how many of the equal ones are among the highest
    hits = (above & inside).sum(axis=1) + (equal & inside).sum(axis=1) * left / equal.sum(axis=1)
    return hits / counts
