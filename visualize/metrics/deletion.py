"""Deletion and insertion: how the score falls while the highest pixels of a map are hidden, or rises while they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count
from visualize.attribution.perturbation import Fill, fill_images, fill_in_json
from visualize.attribution.request import Request
from visualize.metrics.baselines import BASELINES, ranks_of
from visualize.metrics.explained import request_of
from visualize.metrics.perturbed_scores import (
    RANKS,
    Change,
    CopyScores,
    Perturbation,
    ScoreName,
    metric_fill,
    perturbed_scores,
)
from visualize.metrics.record import Faithfulness, MapsToMeasure
from visualize.results import Attribution


def deletion(
    model: keras.Model,
    attribution: Attribution,
    *,
    fill: float | str | Sequence[float] | None = None,
    steps: int = 50,
    score: ScoreName | None = None,
    baselines: Sequence[str] | Faithfulness = BASELINES,
    images: Any = None,
    target: Any = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Faithfulness:
    """How fast the probability of the class falls while the highest pixels of a map are hidden; low is faithful.

    Petsiuk, Das & Saenko (2018), arXiv:1806.07421, section 4.1: the area under the curve, by the trapezoidal rule. A pixel is
    hidden in all channels at once; pixels of equal value are hidden in random order. An image from which pixels were deleted
    is unlike any that the model was trained on, so that even random pixels delete a class quickly: compare with the baselines.

    Args:
        model: that was explained.
        attribution: its maps.
        fill: what hides the pixels: a number, a color, "mean" for the mean color of the image, "blur", or "black", the low end
            of the input range, else 0; by default "mean".
        steps: in how many equal steps the whole image is hidden.
        score: whose curve: the "probability" or the "logit"; by default the probability, or the user's own function.
        baselines: names of maps to measure beside it, see `metrics.BASELINES`; or the record of another method on the same
            images, whose baselines are then not computed again.
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        batch_size: copies at a time; by default as many as suit the size of the images.
        seed: of the random baselines, the ties and the intervals.

    Returns:
        Faithfulness whose values are the mean of the curve over the shares 0 to 1 of hidden pixels, and whose curves have
        `steps` + 1 points.

    Raises:
        InputError: an argument is out of range, or `images` or `target` are needed.

    Example:
        metrics.deletion(model, visualize.gradcam(model, images))
    """
    request = request_of(model, attribution, images, target)
    return _measured(
        "deletion", request, attribution, metric_fill(request, fill, "mean"), steps, score, baselines, batch_size, seed
    )


def insertion(
    model: keras.Model,
    attribution: Attribution,
    *,
    fill: float | str | Sequence[float] | None = None,
    steps: int = 50,
    score: ScoreName | None = None,
    baselines: Sequence[str] | Faithfulness = BASELINES,
    images: Any = None,
    target: Any = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Faithfulness:
    """How fast the probability of the class rises while the highest pixels of a map are shown; high is faithful.

    Petsiuk, Das & Saenko (2018), arXiv:1806.07421, section 4.1: as `deletion`, but the pixels of the image appear on a fill,
    by default the image out of focus. Photographs show what matters in the middle: distance to the center is a strong
    baseline.

    Args:
        model: that was explained.
        attribution: its maps.
        fill: what the pixels appear on, as in `deletion`; by default "blur".
        steps: in how many equal steps the whole image is shown.
        score: whose curve: the "probability" or the "logit"; by default the probability, or the user's own function.
        baselines: names of maps to measure beside it, see `metrics.BASELINES`; or the record of another method on the same
            images.
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        batch_size: copies at a time; by default as many as suit the size of the images.
        seed: of the random baselines, the ties and the intervals.

    Returns:
        Faithfulness whose values are the mean of the curve over the shares 0 to 1 of shown pixels.

    Raises:
        InputError: an argument is out of range, or `images` or `target` are needed.

    Example:
        metrics.insertion(model, visualize.gradcam(model, images))
    """
    request = request_of(model, attribution, images, target)
    return _measured(
        "insertion", request, attribution, metric_fill(request, fill, "blur"), steps, score, baselines, batch_size, seed
    )


@dataclass(frozen=True)
class RankedPixels(Perturbation):
    """Copies in which the highest pixels of each of several maps are hidden, more and more of them; or are all that is shown.

    The copies of a map follow one another, and the last one of all is hidden completely.

    Attributes:
        counts: how many pixels change, one number for each copy of a map.
        fill: what hides them.
        shows: the pixels are shown on the fill, instead of hidden in the image.
    """

    counts: tuple[int, ...]
    fill: Fill
    shows: bool

    def specs(self, size: tuple[int, ...]) -> dict[str, tf.TensorSpec]:
        """The rank of each pixel of each map, (batch, maps, height, width)."""
        return {RANKS: tf.TensorSpec([None, None, *size], tf.int32)}

    def copies(self, images: tf.Tensor, tensors: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, Change]:
        """All copies of the first map, those of the second, ...; and the one that is hidden completely."""
        ranks = tf.experimental.numpy.moveaxis(tensors[RANKS], 1, 0)  # (maps, batch, height, width)
        hidden, changed = fill_images(images, self.fill), tf.constant(self.counts, tf.int32)
        before, after = (hidden, images) if self.shows else (images, hidden)
        count = tf.shape(ranks)[0] * len(self.counts) + 1

        def change(numbers):
            last = numbers == count - 1
            map_of = tf.where(last, 0, numbers // len(self.counts))
            most = tf.where(last, -1 if self.shows else 2**31 - 1, tf.gather(changed, numbers % len(self.counts)))
            highest = tf.gather(ranks, map_of) < tf.reshape(most, [-1] + [1] * (ranks.shape.rank - 1))
            return tf.where(highest[..., None], after, before)  # (k, batch, height, width, channels)

        return count, change


def _measured(
    metric: str,
    request: Request,
    attribution: Attribution,
    fill: Any,
    steps: int,
    score: ScoreName | None,
    baselines: Sequence[str] | Faithfulness,
    batch_size: int | None,
    seed: int,
) -> Faithfulness:
    steps, seed = checked_count("steps", steps, 2), checked_count("seed", seed, 0)
    maps = MapsToMeasure.of(request, attribution.values, attribution.targets, baselines, seed)
    pixels = int(np.prod(request.inputs.size))
    counts = tuple(pixels * step // steps for step in range(1, steps))
    shows = metric == "insertion"
    ranks = np.stack([ranks_of(values, request.inputs.images, seed) for values in maps.maps.values()], axis=1)
    scores = perturbed_scores(request, RankedPixels(counts, fill, shows), score, batch_size, arrays={RANKS: ranks})
    curves = dict(zip(maps.maps, _curves(scores, len(maps.maps), shows), strict=True))
    return maps.record(
        metric,
        attribution.method,
        {name: _area(curve) for name, curve in curves.items()},
        larger_is_better=shows,
        unit=scores.unit,
        settings={"fill": fill_in_json(fill), "steps": steps, "score": scores.unit, "seed": seed},
        scores=scores.whole,
        points=np.array([0, *counts, pixels]) / pixels,
        curves=curves,
    )


def _curves(scores: CopyScores, maps: int, shows: bool) -> np.ndarray:
    """The curve of each map, (maps, batch, points): the scores of its copies between those of the two ends."""
    inner = scores.copies[:, :-1].reshape(len(scores.whole), maps, -1).swapaxes(0, 1)
    ends = [np.broadcast_to(end[None, :, None], (*inner.shape[:2], 1)) for end in (scores.whole, scores.copies[:, -1])]
    return np.concatenate([ends[shows], inner, ends[not shows]], axis=-1)


def _area(curve: np.ndarray) -> np.ndarray:
    """The area under each curve over equal steps from 0 to 1, (batch,)."""
    return (curve[:, 1:] + curve[:, :-1]).mean(axis=1) / 2
