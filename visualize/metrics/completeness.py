"""Completeness: whether a map adds up to what it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.attribution.perturbation import Fill, fill_images, fill_in_json
from visualize.errors import InputError
from visualize.metrics.explained import request_of
from visualize.metrics.perturbed_scores import Change, Perturbation, metric_fill, perturbed_scores
from visualize.metrics.record import OWN, Faithfulness, MapsToMeasure
from visualize.results import Attribution


def completeness(
    model: keras.Model,
    attribution: Attribution,
    *,
    baseline: float | str | Sequence[float] | None = None,
    images: Any = None,
    target: Any = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Faithfulness:
    """How far a map misses score(image) - score(baseline) when it is added up, as a share of that difference; 0 is complete.

    The completeness axiom of Sundararajan, Taly & Yan (2017), arXiv:1703.01365, section 3. It checks the arithmetic of a map,
    not where it points: a map of the right sum at random pixels is complete, so there is no figure for random here.

    Args:
        model: that was explained.
        attribution: its maps, in units of the score.
        baseline: what stands for an image without evidence: a number, a color, "mean", "blur", or "black", the low end of the
            input range, else 0; by default what the map was made with, as integrated gradients are, else "black".
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        batch_size: images at a time; by default as many as suit their size.
        seed: of the interval.

    Returns:
        Faithfulness whose values are |sum of the map - difference| / |difference|, without baselines to compare with.

    Raises:
        InputError: the map is in another unit, or was made with an image as its baseline, and `baseline` is not given.

    Example:
        metrics.completeness(model, visualize.integrated_gradients(model, images))
    """
    request = request_of(model, attribution, images, target)
    if attribution.settings.unit != "score":
        raise InputError(
            "`attribution` must be in units of the score, as that of integrated_gradients or input_times_gradient. "
            f"Received: {attribution.method}, in {attribution.settings.unit or 'an unknown unit'}."
        )
    own = attribution.settings.get("baseline")
    if baseline is None and own == "an image":
        raise InputError("`baseline` must be given for a map that was made with an image. Received: None.")
    fill = metric_fill(request, own if baseline is None else baseline, "black", name="baseline")
    score = "logit" if request.spec.function is None else None
    scores = perturbed_scores(request, Replaced(fill), score, batch_size)
    difference = scores.whole - scores.copies[:, 0]
    total = attribution.values.reshape(len(difference), -1).sum(axis=1, dtype="float64")
    least = 1e-6 * np.maximum(1, np.abs(scores.whole))  # a difference that is only rounding
    maps = MapsToMeasure.of(request, attribution.values, attribution.targets, (), seed)
    return maps.record(
        "completeness",
        attribution.method,
        {OWN: np.abs(total - difference) / np.maximum(np.abs(difference), least)},
        larger_is_better=False,
        unit="share of the difference",
        settings={"baseline": fill_in_json(fill), "score": scores.unit, "seed": seed},
        scores=scores.whole,
    )


@dataclass(frozen=True)
class Replaced(Perturbation):
    """One copy of each image: what would hide it completely."""

    fill: Fill

    def specs(self, size: tuple[int, ...]) -> dict[str, tf.TensorSpec]:
        """Nothing beside the images."""
        return {}

    def copies(self, images: tf.Tensor, tensors: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, Change]:
        """The fill alone."""
        hidden = tf.zeros_like(images) + fill_images(images, self.fill)
        return tf.constant(1), lambda numbers: tf.repeat(hidden[None], tf.shape(numbers)[0], axis=0)
