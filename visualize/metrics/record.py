"""Record: what a metric says of the maps of one method, beside the same figure for maps that know nothing of the model."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from visualize._utils.validation import received
from visualize.attribution.request import Request
from visualize.errors import InputError
from visualize.metrics.baselines import BASELINES, RANDOM, baseline_maps
from visualize.metrics.bootstrap import FEWEST_IMAGES, Interval, mean_interval

OWN = "method"  # among several maps of an image, the one that is measured

Verdict = Literal["better", "inside", "worse", "too few images"]
WORDS: dict[Verdict, str] = {
    "better": "better than",
    "inside": "inside the interval of",
    "worse": "worse than",
    "too few images": f"not compared, with fewer than {FEWEST_IMAGES} images, with",
}


class Comparison(NamedTuple):
    """A method beside one baseline on the same images.

    Attributes:
        baseline: its name.
        mean: of the baseline over the images.
        advantage: by how much the method is better, image by image: the mean and its 95 % interval. Below zero it is worse.
        verdict: "inside" where zero is in the interval: on these images the method cannot be told from the baseline.
    """

    baseline: str
    mean: float
    advantage: Interval
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How faithful the maps of a method are to the model, by one metric.

    Attributes:
        metric: "deletion", "insertion", "road", ...
        method: that made the maps: "gradcam".
        values: (batch,) float64, one figure for each image.
        baselines: the same figures, (batch,), for maps that do not look at the model, by name.
        larger_is_better: whether a faithful map has a large figure.
        unit: of the values: "probability", "logit", "correlation", ...
        settings: how they were measured, plain JSON values.
        scores: (batch,) what the model says of the images as they are, in the unit that `settings` names.
        points: where the curves are measured: shares of the pixels, or numbers of cells. Empty for a metric without a curve.
        curves: (batch, points), what the values summarize.
        baseline_curves: the same for each baseline.
        image_keys: a number for each image and its target, by which two records of the same images are told.
    """

    metric: str
    method: str
    values: np.ndarray
    baselines: Mapping[str, np.ndarray]
    larger_is_better: bool
    unit: str
    settings: Mapping[str, Any]
    scores: np.ndarray
    points: np.ndarray = field(default_factory=lambda: np.empty(0))
    curves: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    baseline_curves: Mapping[str, np.ndarray] = field(default_factory=dict)
    image_keys: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Faithfulness({self.sentence})"

    @property
    def seed(self) -> int:
        """Of everything that was drawn at random."""
        return self.settings["seed"]

    @functools.cached_property
    def interval(self) -> Interval:
        """The mean over the images and its 95 % interval."""
        return mean_interval(self.values, self.seed)

    @functools.cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """The method beside each of the baselines, by name."""
        return {name: self._compared(name) for name in self.baselines}

    @property
    def beats_random(self) -> bool | None:
        """Whether the method is better than random pixels and than random blocks, beyond chance.

        None where that was not measured: neither is among the baselines, or there are fewer than six images.
        """
        verdicts = [self.comparisons[name].verdict for name in RANDOM if name in self.comparisons]
        return None if not verdicts or "too few images" in verdicts else all(verdict == "better" for verdict in verdicts)

    @property
    def sentence(self) -> str:
        """The figure and how it compares, in words."""
        better = "higher" if self.larger_is_better else "lower"
        low, high = self.interval.low, self.interval.high
        span = "" if np.isnan(low) else f", {low:.3f} to {high:.3f}"
        parts = [f"{self.metric} of {self.method} {self.interval.mean:.3f}{span} ({better} is better)"]
        for verdict, words in WORDS.items():
            rows = [row for row in self.comparisons.values() if row.verdict == verdict]
            if rows:
                parts.append(f"{words} {', '.join(f'{row.baseline} ({row.mean:.3f})' for row in rows)}")
        return "; ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Everything but the curves as plain JSON values."""
        return {
            "metric": self.metric,
            "method": self.method,
            "unit": self.unit,
            "larger_is_better": self.larger_is_better,
            "mean": self.interval.mean,
            "interval": None if np.isnan(self.interval.low) else [self.interval.low, self.interval.high],
            "values": self.values.tolist(),
            "beats_random": self.beats_random,
            "baselines": {
                name: {"mean": row.mean, "verdict": row.verdict, "values": self.baselines[name].tolist()}
                for name, row in self.comparisons.items()
            },
            "settings": dict(self.settings),
        }

    def _compared(self, name: str) -> Comparison:
        values = self.baselines[name]
        advantage = mean_interval((self.values - values) * (1 if self.larger_is_better else -1), self.seed)
        verdict: Verdict = "inside"
        if np.isnan(advantage.low):
            verdict = "too few images"
        elif advantage.low > 0:
            verdict = "better"
        elif advantage.high < 0:
            verdict = "worse"
        return Comparison(name, float(values.mean()), advantage, verdict)


@dataclass(frozen=True, eq=False)
class MapsToMeasure:
    """The maps of a method, and those of the baselines that are measured beside it.

    Attributes:
        maps: by name, (batch, height, width) each; the first one is the method's own.
        measured: the record of another method on the same images, whose baselines are taken over.
        image_keys: a number for each image and its target.
    """

    maps: Mapping[str, np.ndarray]
    measured: Faithfulness | None
    image_keys: tuple[int, ...]

    @classmethod
    def of(
        cls, request: Request, values: np.ndarray, targets: np.ndarray, baselines: Sequence[str] | Faithfulness, seed: int
    ) -> MapsToMeasure:
        """Make the baselines.

        Raises:
            InputError: `baselines` holds an unknown name, or is the record of other images.
        """
        images = request.inputs.images
        keys = tuple(
            zlib.crc32(np.ascontiguousarray(image).tobytes(), int(target) + 1)
            for image, target in zip(images, targets, strict=True)
        )
        if isinstance(baselines, Faithfulness):
            if baselines.image_keys != keys:
                raise InputError("`baselines` must be a record of the same images and targets. Received: one of others.")
            return cls({OWN: values}, baselines, keys)
        if isinstance(baselines, str) or not isinstance(baselines, Sequence):
            raise InputError(
                f"`baselines` must be a list of names, among {', '.join(map(repr, BASELINES))}, or the record of another "
                f"method on the same images. Received: {received(baselines)}."
            )
        return cls({OWN: values, **baseline_maps(images, baselines, seed)}, None, keys)

    def record(
        self,
        metric: str,
        method: str,
        values: Mapping[str, np.ndarray],
        *,
        larger_is_better: bool,
        unit: str,
        settings: Mapping[str, Any],
        scores: np.ndarray,
        points: np.ndarray | None = None,
        curves: Mapping[str, np.ndarray] | None = None,
    ) -> Faithfulness:
        """The record of what was measured of each of the maps, by their names.

        Raises:
            InputError: the baselines to take over were measured in another way.
        """
        values, curves = dict(values), dict(curves or {})
        own, own_curves = values.pop(OWN), curves.pop(OWN, np.empty((len(scores), 0)))
        before = self.measured
        if before is not None:
            if (before.metric, dict(before.settings)) != (metric, dict(settings)) or not np.allclose(
                before.scores, scores, rtol=1e-3, atol=1e-5
            ):
                raise InputError(
                    f"`baselines` must be a record of the same metric, settings and model. Received: {before.metric} with "
                    f"{dict(before.settings)}, for {metric} with {dict(settings)}."
                )
            values, curves = dict(before.baselines), dict(before.baseline_curves)
        points = np.empty(0) if points is None else points
        return Faithfulness(
            metric, method, own, values, larger_is_better, unit, settings, scores, points, own_curves, curves, self.image_keys
        )
