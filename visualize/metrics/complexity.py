"""Complexity: over how many pixels a map spreads.

None of these measures looks at the model. A map of few pixels is easy to read, which does not make it true.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize._utils.validation import checked_number
from visualize.errors import InputError
from visualize.results import Attribution


def entropy(attribution: Attribution | Any) -> np.ndarray:
    """The entropy of each map, in nats: 0 for a single pixel, log(pixels) where all are equal.

    Complexity of Bhatt et al. (2020), arXiv:2005.00631: the entropy of |map| as shares of its sum.

    Args:
        attribution: an Attribution, or its values, (batch, height, width).

    Returns:
        (batch,). A map of zeros has no shares, and so that of equal pixels.

    Raises:
        InputError: not maps of finite numbers.
    """
    shares = _shares(attribution)
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)  # 0 log 0 = 0
    return np.maximum(0.0, -(shares * logarithms).sum(axis=1))


def gini(attribution: Attribution | Any) -> np.ndarray:
    """The Gini index of each map: 0 where all pixels are equal, 1 - 1 / pixels for a single pixel.

    Sparseness of Chalasani et al. (2020), arXiv:1810.06583.

    Args:
        attribution: an Attribution, or its values, (batch, height, width).

    Returns:
        (batch,).

    Raises:
        InputError: not maps of finite numbers.
    """
    ordered = np.sort(_shares(attribution), axis=1)  # the smallest first
    pixels = ordered.shape[1]
    weights = (pixels - np.arange(1, pixels + 1) + 0.5) / pixels
    return 1 - 2 * (ordered * weights).sum(axis=1)


def effective_area(attribution: Attribution | Any, *, mass: float = 0.9) -> np.ndarray:
    """The smallest share of the pixels of each map that together hold most of |map|: 1 / pixels to 1.

    The idea of effective complexity, Nguyen and Rodríguez Martínez (2020), arXiv:2007.07584, with a share of
    the map in the place of a threshold on the score.

    Args:
        attribution: an Attribution, or its values, (batch, height, width).
        mass: how much of |map| they hold, above 0 and up to 1.

    Returns:
        (batch,).

    Raises:
        InputError: not maps of finite numbers, or `mass` is no such share.
    """
    mass = checked_number("mass", mass)
    if not 0 < mass <= 1:
        raise InputError(f"`mass` must be above 0 and up to 1. Received: {mass}.")
    held = np.cumsum(np.sort(_shares(attribution), axis=1)[:, ::-1], axis=1)
    missing = held < mass - 1e-9  # sums of shares are rounded
    return np.minimum(missing.sum(axis=1) + 1, held.shape[1]) / held.shape[1]


def maps_of(attribution: Attribution | Any) -> np.ndarray:
    """The maps of an attribution, (batch, pixels) float64.

    Raises:
        InputError: not maps of finite numbers.
    """
    try:
        values = np.asarray(attribution.values if isinstance(attribution, Attribution) else attribution, "float64")
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim < 2 or not values.size or not np.isfinite(values).all():
        raise InputError(
            f"`attribution` must be an Attribution, or finite numbers (batch, height, width). Received: shape {values.shape}."
        )
    return values.reshape(len(values), -1)


def _shares(attribution: Attribution | Any) -> np.ndarray:
    """|map| as shares of its sum, (batch, pixels); equal shares where it is 0 everywhere."""
    magnitudes = np.abs(maps_of(attribution))
    largest = magnitudes.max(axis=1, keepdims=True)
    magnitudes = np.where(largest > 0, magnitudes / np.where(largest > 0, largest, 1), 1)  # no sum can overflow
    return magnitudes / magnitudes.sum(axis=1, keepdims=True)
