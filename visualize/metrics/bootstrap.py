"""Bootstrap: how far a mean over some images may be from the mean over all images like them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000
FEWEST_IMAGES = 6  # of fewer, all signs of pure noise agree more often than one time in twenty
DRAWS_AT_ONCE = 2**18  # of images, which bounds the memory
Z = 1.959964  # the normal quantile of the confidence


class Interval(NamedTuple):
    """A mean and its 95 % interval; the ends are NaN where there are fewer than six images."""

    mean: float
    low: float
    high: float


def mean_interval(values: np.ndarray, seed: int = 0) -> Interval:
    """The mean of one value per image, and its bootstrap interval.

    Efron (1979), Annals of Statistics 7: the images are drawn again, with replacement, 2,000 times; the interval holds the
    middle 95 % of the means. Of few images these are too close together, as Hesterberg (2015), arXiv:1411.5279, shows for the
    percentile interval. They are moved apart by what he finds missing: the standard deviation of a sample for that of a
    population, and Student's quantile for the normal one.

    Args:
        values: (images,).
        seed: of the draws.
    """
    count, mean = len(values), float(np.mean(values))
    if count < FEWEST_IMAGES:
        return Interval(mean, math.nan, math.nan)
    generator = np.random.default_rng(seed)
    at_once = max(1, DRAWS_AT_ONCE // count)
    draws = (
        generator.integers(count, size=(min(at_once, RESAMPLES - start), count)) for start in range(0, RESAMPLES, at_once)
    )
    means = np.concatenate([values[rows].mean(axis=1) for rows in draws])
    deviations = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) - mean
    low, high = mean + deviations * math.sqrt(count / (count - 1)) * _student(count - 1) / Z
    return Interval(mean, float(low), float(high))


def _student(freedom: int) -> float:
    """Student's 97.5 % quantile to 1 % from five degrees of freedom on, by its expansion about the normal one."""
    first = (Z**3 + Z) / (4 * freedom)
    return Z + first + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)
