"""A measured method: everything that `trust` measures of the maps of one method, image by image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import parameters_of
from visualize.attribution.comparison import compare, name_of
from visualize.attribution.request import class_scores, prepare
from visualize.metrics.baselines import BASELINES
from visualize.metrics.complexity import effective_area
from visualize.metrics.deletion import deletion, insertion
from visualize.metrics.explanations import Explanations
from visualize.metrics.randomization import randomized
from visualize.metrics.record import Faithfulness
from visualize.metrics.robustness import RADIUS, sensitivity_around
from visualize.results import Attribution
from visualize.targets import Target, split_target

FIFTH = 0.2  # share of the pixels that the sentence of a method speaks of
WEIGHT_STEPS = 2  # the top layer alone, and all of them


@dataclass(frozen=True, kw_only=True)
class TrustOptions:
    """How `trust` measures.

    Attributes:
        steps: of deletion and insertion.
        samples: noisy copies of each image, of whose maps the sensitivity is the mean.
        seed: of everything that is drawn at random.
    """

    steps: int
    samples: int
    seed: int


@dataclass(frozen=True, eq=False)
class Subject:
    """What is explained: a model, images, and a class of each of them.

    Attributes:
        model: Keras model.
        images: as the user passed them.
        target: the explained class of each image; a function of the scores as it is.
        other: a class of each image that it is unlike, in the middle of the model's ranking; None where there is one class.
        options: for every method that takes them.
    """

    model: keras.Model
    images: Any
    target: Target
    other: Target | None
    options: Mapping[str, Any]

    @classmethod
    def of(cls, model: keras.Model, images: Any, target: Any, options: Mapping[str, Any]) -> Subject:
        """Settle the classes.

        Raises:
            InputError: the model cannot take the images, or has no such class.
        """
        target = target if isinstance(target, Target) else Target(target)
        if split_target(target.classes)[1] is not None:
            return cls(model, images, target, None, options)
        predicted = class_scores(prepare(model, images, target, options.get("input_name")))
        scores, classes = predicted["scores"], predicted["targets"]
        first = replace(target, classes=classes.tolist())
        if scores.shape[1] == 1:
            return cls(model, images, first, None, options)
        others = np.where(np.arange(scores.shape[1]) == classes[:, None], np.inf, scores)  # the explained class is the first
        middle = np.argsort(-others, axis=1, kind="stable")[:, scores.shape[1] // 2]
        return cls(model, images, first, replace(target, classes=middle.tolist()), options)

    def explanations(self, method: Callable[..., Attribution]) -> Explanations:
        """The maps of a method.

        Raises:
            InputError: the method cannot be applied.
        """
        return Explanations.of(self.model, self.images, self.target, method, self._options_of(method))

    def maps_of_other(self, method: Callable[..., Attribution]) -> Attribution:
        """The maps of a method for the other classes."""
        return compare(self.model, self.images, self.other, methods=[method], **self._options_of(method))[0]

    def as_own(self, attribution: Attribution) -> Attribution:
        """Maps as an explanation of the explained classes, whatever they are of."""
        classes = self.target.classes
        targets = np.array(classes, attribution.targets.dtype) if isinstance(classes, list) else attribution.targets
        return replace(attribution, targets=targets)

    def _options_of(self, method: Callable[..., Attribution]) -> dict[str, Any]:
        """Those of the options that a method takes."""
        taken = parameters_of("methods", method)
        return {name: value for name, value in self.options.items() if name in taken}


@dataclass(frozen=True, eq=False)
class MeasuredMethod:
    """What was measured of one method on each image.

    Attributes:
        name: of the method, with the settings that were chosen, such as "occlusion (patch=8)".
        unit: of deletion and insertion, "probability" or the like.
        scores: (batch,) what the model says of the images as they are.
        values: by measure, (batch,) each: "deletion"; "insertion"; "left", the score that is left without the highest fifth
            of the pixels; "own class", by how much the map of the class is more faithful to it than the map of another class,
            in deletion and insertion together, missing where there is no other class; "head" and "all layers", the rank
            correlation with the map when these weights are shuffled; "sensitivity"; "area".
        baselines: "deletion", "insertion" and "left" of each baseline, by the names of baseline and measure.
    """

    name: str
    unit: str
    scores: np.ndarray
    values: Mapping[str, np.ndarray]
    baselines: Mapping[str, Mapping[str, np.ndarray]]

    def faithfulness(self, metric: Literal["deletion", "insertion"], seed: int) -> Faithfulness:
        """Deletion or insertion beside the baselines."""
        baselines = {name: measures[metric] for name, measures in self.baselines.items()}
        larger = metric == "insertion"
        return Faithfulness(metric, self.name, self.values[metric], baselines, larger, self.unit, {"seed": seed}, self.scores)

    def as_json(self) -> dict[str, Any]:
        """The same in values that JSON has."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> MeasuredMethod:
        """What `as_json` returned.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        baselines = {name: _arrays(measures) for name, measures in values["baselines"].items()}
        return cls(
            str(values["name"]), str(values["unit"]), np.array(values["scores"], float), _arrays(values["values"]), baselines
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """The records of one method, whose baselines the next method takes over."""

    method: MeasuredMethod
    deletion: Faithfulness
    insertion: Faithfulness


def measure(
    subject: Subject, method: Callable[..., Attribution], options: TrustOptions, before: Measured | None = None
) -> Measured:
    """Measure one method.

    Args:
        subject: model, images and classes.
        method: such as `visualize.gradcam`.
        options: how to measure.
        before: what was measured of another method; its baselines are not computed again.

    Raises:
        InputError: the method cannot be applied.
    """
    explanations = subject.explanations(method)
    attribution = subject.as_own(explanations.original)
    batch_size = subject.options.get("batch_size")
    common: dict[str, Any] = {
        "steps": options.steps,
        "seed": options.seed,
        "images": subject.images,
        "target": subject.target,
        "batch_size": batch_size,
    }
    deleted = deletion(subject.model, attribution, baselines=BASELINES if before is None else before.deletion, **common)
    inserted = insertion(subject.model, attribution, baselines=BASELINES if before is None else before.insertion, **common)
    values = {
        "deletion": deleted.values,
        "insertion": inserted.values,
        "left": _left(deleted.points, deleted.curves),
        "area": effective_area(attribution),
        **_changes(explanations, options),
    }
    if subject.other is not None:
        other = subject.as_own(subject.maps_of_other(method))
        values["own class"] = (deletion(subject.model, other, baselines=(), **common).values - deleted.values) + (
            inserted.values - insertion(subject.model, other, baselines=(), **common).values
        )
    baselines = {
        name: {
            "deletion": deleted.baselines[name],
            "insertion": inserted.baselines[name],
            "left": _left(deleted.points, deleted.baseline_curves[name]),
        }
        for name in deleted.baselines
    }
    return Measured(MeasuredMethod(label_of(method), deleted.unit, deleted.scores, values, baselines), deleted, inserted)


def label_of(method: Callable[..., Attribution]) -> str:
    """The name of a method with the settings that were chosen: "occlusion (patch=8)"."""
    chosen = getattr(method, "keywords", None) or {}
    settings = ", ".join(f"{name}={value}" for name, value in chosen.items())
    return f"{name_of(method)} ({settings})" if settings else name_of(method)


def _changes(explanations: Explanations, options: TrustOptions) -> dict[str, np.ndarray]:
    """How maps change with the weights of the model, and with noise on the images."""
    shuffled = randomized(explanations, WEIGHT_STEPS, options.seed)
    noisy = sensitivity_around(explanations, RADIUS, options.samples, options.seed)
    correlations = {"head": shuffled.correlations[0], "all layers": shuffled.correlations[-1]}
    return {**correlations, "sensitivity": noisy.average}


def _left(points: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """The value of each curve where a fifth of the pixels is hidden, (batch,)."""
    return np.array([np.interp(FIFTH, points, curve) for curve in curves])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _arrays(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.array(each, float) for name, each in values.items()}
