"""Fidelity: whether the sum of a map over hidden cells follows the fall of the score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import checked_count, checked_number, checked_word, received
from visualize.errors import InputError
from visualize.metrics.baselines import BASELINES
from visualize.metrics.explained import request_of
from visualize.metrics.perturbed_scores import ScoreName, metric_fill
from visualize.metrics.ranks import mean_ranks
from visualize.metrics.record import Faithfulness, MapsToMeasure
from visualize.metrics.subsets import (
    HiddenCells,
    checked_grid,
    random_subsets,
    score_falls,
    settings_of,
    sums_over_cells,
)
from visualize.results import Attribution

SIZES = 8  # of subsets in `sensitivity_n`, from one cell to four fifths of them
LARGEST = 0.8


def sensitivity_n(
    model: keras.Model,
    attribution: Attribution,
    *,
    sizes: Sequence[int] | None = None,
    cells: int | None = None,
    samples: int = 100,
    fill: float | str | Sequence[float] | None = None,
    score: ScoreName | None = None,
    baselines: Sequence[str] | Faithfulness = BASELINES,
    images: Any = None,
    target: Any = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Faithfulness:
    """How well the sum of a map over n hidden cells follows the fall of the score, for several n; 1 is faithful.

    Ancona et al. (2018), arXiv:1711.06104, section 4: Pearson's correlation over random subsets of n features. A map without
    signs cannot follow a score that rises. A correlation that is not defined, of a constant map for one, is 0.

    Args:
        model: that was explained.
        attribution: its maps.
        sizes: of the subsets, n; by default eight from 1 to four fifths of the cells, evenly spaced on a logarithmic scale.
        cells: of a grid along each side of the image, which are hidden as a whole; by default 16 of a photograph, as single
            pixels of it hardly change a score, and each pixel of a smaller picture.
        samples: subsets of each size; they are the same for every image.
        fill: what hides the cells: a number, a color, "mean" for the mean color of the image, "blur", or "black", the low end
            of the input range, else 0; by default "mean".
        score: whose fall: the "probability" or the "logit"; by default the logit, or the user's own function.
        baselines: names of maps to measure beside it, see `metrics.BASELINES`; or the record of another method on the same
            images, whose baselines are then not computed again.
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        batch_size: copies at a time; by default as many as suit the size of the images.
        seed: of the subsets, the random baselines and the intervals.

    Returns:
        Faithfulness whose curves have the correlation for each n, and whose values are their mean. On an additive model whose
        contributions are the map, each correlation is 1.

    Raises:
        InputError: an argument is out of range, or `images` or `target` are needed.

    Example:
        metrics.sensitivity_n(model, visualize.integrated_gradients(model, images))
    """
    request = request_of(model, attribution, images, target)
    grid = checked_grid(cells, request.inputs.size)
    numbers = _checked_sizes(sizes, int(np.prod(grid)))
    samples, seed = checked_count("samples", samples, 3), checked_count("seed", seed, 0)
    maps = MapsToMeasure.of(request, attribution.values, attribution.targets, baselines, seed)
    generator = np.random.default_rng(seed)
    subsets = np.concatenate([random_subsets(int(np.prod(grid)), number, samples, generator) for number in numbers])
    perturbation = HiddenCells(grid, metric_fill(request, fill, "mean"))
    scores, falls = score_falls(request, perturbation, subsets, score, batch_size)
    curves = _correlations(maps.maps, falls, subsets, grid, len(numbers), pearson)
    return maps.record(
        "sensitivity_n",
        attribution.method,
        {name: curve.mean(axis=1) for name, curve in curves.items()},
        larger_is_better=True,
        unit="correlation",
        settings=settings_of(perturbation, scores, seed, sizes=numbers, grid=list(grid), samples=samples),
        scores=scores.whole,
        points=np.array(numbers),
        curves=curves,
    )


def mu_fidelity(
    model: keras.Model,
    attribution: Attribution,
    *,
    cells: int | None = 9,
    share: float = 0.2,
    samples: int = 200,
    correlation: Literal["pearson", "spearman"] = "pearson",
    fill: float | str | Sequence[float] | None = None,
    score: ScoreName | None = None,
    baselines: Sequence[str] | Faithfulness = BASELINES,
    images: Any = None,
    target: Any = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Faithfulness:
    """How well the sum of a map over a fifth of the image follows the fall of the score without it; 1 is faithful.

    Bhatt, Weller & Moura (2020), arXiv:2005.00631, definition 3. It is the sensitivity-n of one large n.

    Args:
        model: that was explained.
        attribution: its maps.
        cells: of a grid along each side of the image, which are hidden as a whole; None for each pixel.
        share: of the cells that are hidden together, above 0 and below 1.
        samples: subsets of the cells; they are the same for every image.
        correlation: "pearson", or "spearman" of the ranks, which asks for the right order alone.
        fill: what hides the cells, as in `sensitivity_n`; by default "mean".
        score: whose fall: the "probability" or the "logit"; by default the logit, or the user's own function.
        baselines: names of maps to measure beside it, see `metrics.BASELINES`; or the record of another method on the same
            images, whose baselines are then not computed again.
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        batch_size: copies at a time; by default as many as suit the size of the images.
        seed: of the subsets, the random baselines and the intervals.

    Returns:
        Faithfulness whose values are the correlations, 0 where they are not defined.

    Raises:
        InputError: an argument is out of range, or `images` or `target` are needed.

    Example:
        metrics.mu_fidelity(model, visualize.occlusion(model, images))
    """
    request = request_of(model, attribution, images, target)
    grid = request.inputs.size if cells is None else checked_grid(cells, request.inputs.size)
    total = int(np.prod(grid))
    hidden = round(checked_number("share", share) * total)
    if not 0 < share < 1 or not 0 < hidden < total:
        raise InputError(f"`share` must be above 0 and below 1, and hide some of {total} cells. Received: {share}.")
    samples, seed = checked_count("samples", samples, 3), checked_count("seed", seed, 0)
    measure = {"pearson": pearson, "spearman": spearman}[checked_word("correlation", correlation, ("pearson", "spearman"))]
    maps = MapsToMeasure.of(request, attribution.values, attribution.targets, baselines, seed)
    subsets = random_subsets(total, hidden, samples, np.random.default_rng(seed))
    perturbation = HiddenCells(grid, metric_fill(request, fill, "mean"))
    scores, falls = score_falls(request, perturbation, subsets, score, batch_size)
    curves = _correlations(maps.maps, falls, subsets, grid, 1, measure)
    return maps.record(
        "mu_fidelity",
        attribution.method,
        {name: curve[:, 0] for name, curve in curves.items()},
        larger_is_better=True,
        unit="correlation",
        settings=settings_of(
            perturbation, scores, seed, grid=list(grid), share=float(share), samples=samples, correlation=correlation
        ),
        scores=scores.whole,
    )


def pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The correlation along the last axis; 0 where one of the two is constant, up to rounding."""
    deviations = [values - values.mean(axis=-1, keepdims=True) for values in (first, second)]
    norms = [np.linalg.norm(deviation, axis=-1) for deviation in deviations]
    rounding = [1e-6 * np.linalg.norm(values, axis=-1) for values in (first, second)]  # of scores in float32
    defined = (norms[0] > rounding[0]) & (norms[1] > rounding[1])
    products = (deviations[0] * deviations[1]).sum(axis=-1)
    return np.divide(products, norms[0] * norms[1], out=np.zeros_like(products), where=defined)


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The correlation of the ranks along the last axis; equal values have the mean of their ranks."""
    return pearson(*(np.apply_along_axis(mean_ranks, -1, values) for values in (first, second)))


def _correlations(
    maps: Mapping[str, np.ndarray],
    falls: np.ndarray,
    subsets: np.ndarray,
    grid: Sequence[int],
    groups: int,
    correlation: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> dict[str, np.ndarray]:
    """The correlation of the falls, (batch, subsets), with the sums of each map, in each of some equal groups of subsets.

    Returns:
        (batch, groups) by the name of the map.
    """
    grouped = falls.reshape(len(falls), groups, -1)
    sums = {name: sums_over_cells(values, subsets, grid).reshape(grouped.shape) for name, values in maps.items()}
    return {name: correlation(grouped, each) for name, each in sums.items()}


def _checked_sizes(sizes: Sequence[int] | None, cells: int) -> list[int]:
    """The sizes of subsets, each once, in order."""
    if sizes is None:
        sizes = np.unique(np.geomspace(1, max(1, LARGEST * cells), SIZES).round().astype(int)).tolist()
    if isinstance(sizes, str) or not isinstance(sizes, Sequence | np.ndarray) or not len(sizes):
        raise InputError(f"`sizes` must be a list of numbers of cells. Received: {received(sizes)}.")
    numbers = sorted({checked_count("sizes", size, 1) for size in sizes})
    if numbers[-1] >= cells:
        raise InputError(f"`sizes` must be below {cells}, the number of cells. Received: {numbers[-1]}.")
    return numbers
