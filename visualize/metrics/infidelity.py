"""Infidelity: how far the sum of a map over a hidden square misses the fall of the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import checked_count
from visualize.errors import InputError
from visualize.metrics.baselines import BASELINES
from visualize.metrics.explained import request_of
from visualize.metrics.perturbed_scores import ScoreName, metric_fill
from visualize.metrics.record import Faithfulness, MapsToMeasure
from visualize.metrics.subsets import HiddenSquares, score_falls, settings_of, sums_over_squares
from visualize.results import Attribution


def infidelity(
    model: keras.Model,
    attribution: Attribution,
    *,
    side: int | None = None,
    samples: int = 200,
    fill: float | str | Sequence[float] | None = None,
    score: ScoreName | None = None,
    baselines: Sequence[str] | Faithfulness = BASELINES,
    images: Any = None,
    target: Any = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Faithfulness:
    """How far the sum of a map over a hidden square misses the fall of the score; 0 is faithful, 1 a map of zeros.

    Yeh et al. (2019), arXiv:1901.09392, definition 2.1, for a perturbation that removes a square: the expected
    (sum of the map over the square - fall of the score)^2. As in the authors' program each map is scaled first as suits it
    best, so that its unit does not matter; by a positive number, as a map that says the opposite is to gain nothing. The
    result is divided by the expected (fall of the score)^2, so that images can be averaged.

    Args:
        model: that was explained.
        attribution: its maps.
        side: of the squares, in pixels; by default a quarter of the shortest side.
        samples: squares; they are the same for every image.
        fill: what hides them, as in `sensitivity_n`; by default "mean".
        score: whose fall: the "probability" or the "logit"; by default the logit, or the user's own function.
        baselines: names of maps to measure beside it, see `metrics.BASELINES`; or the record of another method on the same
            images, whose baselines are then not computed again.
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        batch_size: copies at a time; by default as many as suit the size of the images.
        seed: of the squares, the random baselines and the intervals.

    Returns:
        Faithfulness whose values are from 0 to 1; 0 too where no square changes the score.

    Raises:
        InputError: an argument is out of range, or `images` or `target` are needed.

    Example:
        metrics.infidelity(model, visualize.occlusion(model, images))
    """
    request = request_of(model, attribution, images, target)
    size, samples, seed = request.inputs.size, checked_count("samples", samples, 1), checked_count("seed", seed, 0)
    side = max(1, min(size) // 4) if side is None else checked_count("side", side, 1)
    if side > min(size):
        raise InputError(f"`side` must be at most {min(size)}, the image's shortest side. Received: {side}.")
    maps = MapsToMeasure.of(request, attribution.values, attribution.targets, baselines, seed)
    generator = np.random.default_rng(seed)
    corners = np.stack([generator.integers(length - side + 1, size=samples) for length in size], axis=1).astype("int32")
    perturbation = HiddenSquares(side, metric_fill(request, fill, "mean"))
    scores, falls = score_falls(request, perturbation, corners, score, batch_size)
    values = {name: _unexplained(falls, sums_over_squares(values, corners, side)) for name, values in maps.maps.items()}
    return maps.record(
        "infidelity",
        attribution.method,
        values,
        larger_is_better=False,
        unit="share of the squared fall",
        settings=settings_of(perturbation, scores, seed, side=side, samples=samples),
        scores=scores.whole,
    )


def _unexplained(falls: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """The mean squared difference at the best positive scale of the sums, as a share of the mean squared fall, (batch,)."""
    products, squares, total = ((values).mean(axis=1) for values in (falls * sums, sums**2, falls**2))
    explained = np.divide(np.maximum(products, 0) ** 2, squares, out=np.zeros_like(total), where=squares > 0)
    return np.divide(total - explained, total, out=np.zeros_like(total), where=total > 0)
