"""DeepLIFT: what each pixel's change from a reference contributes to the change of the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.attribution.gradients import BaselineImage, baseline_images, checked_baseline
from visualize.attribution.perturbation import Fill, fill_in_json
from visualize.attribution.request import Batch, Method, explain, prepare, sum_of_channels
from visualize.engine.deeplift_rules import multipliers
from visualize.engine.operations import UnknownOperationError
from visualize.errors import InputError
from visualize.results import Attribution

__all__ = ["deeplift"]

TOLERANCE = 0.02  # of the gap, as a part of the change of the score


def deeplift(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    baseline: float | str | Sequence[float] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by what the change of each pixel from a reference image contributes to it.

    Shrikumar, Greenside & Kundaje (2017), arXiv:1704.02685, section 3.5.1, the rescale rule. Image and reference go through
    the network as one batch; where an activation saturates, its gradient is 0 but its change is not. It takes one pass where
    integrated gradients take many.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        baseline: the reference: a number for every pixel, "mean" for the mean color of the image, or "blur" for the image out
            of focus; by default black, the low end of the input range that the model's card gives, else 0. In Python also a
            color, one number per channel, or an image, (height, width, channels).
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are the sum over channels of multiplier x (pixel - baseline), signed, in units of the score.
        They add up to score(image) - score(baseline), `arrays["change"]`, to within rounding: `arrays["gap"]`. On a network
        without activations they are those of integrated gradients.

    Raises:
        InputError: `target` is not a class of the model, `baseline` is no number or image of the model, or there is no rule
            for an operation.

    Cost:
        2 forward and 2 backward passes.

    Needs:
        A rule for each operation, and a reference.

    Misleads:
        A pixel equal to the reference has no value, however much it matters: black on black.

    Example:
        visualize deeplift model.keras cat.png --baseline blur
    """
    request = prepare(model, images, target, input_name, precision)
    attribution = explain(request, DeepLift(baseline=checked_baseline(request, baseline)), batch_size)
    return _with_remarks(attribution)


@dataclass(frozen=True, kw_only=True)
class DeepLift(Method):
    """Multipliers times changes; and the gap of summation-to-delta."""

    name = "deeplift"
    unit = "score"
    signed = True

    baseline: Fill | BaselineImage

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        references = tf.zeros_like(batch.images) + baseline_images(batch.images, self.baseline)
        both = tf.concat([batch.images, references], axis=0)
        values = sum_of_channels(_multipliers_of_pixels(batch, both) * (batch.images - references))
        _, reference_score = batch.rerun(references)
        change = tf.cast(batch.score - reference_score, values.dtype)
        explained = tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))
        return {"values": values, "gap": explained - change, "change": change}

    def settings(self) -> dict[str, Any]:
        baseline = "an image" if isinstance(self.baseline, BaselineImage) else fill_in_json(self.baseline)
        return {**super().settings(), "baseline": baseline}


def _multipliers_of_pixels(batch: Batch, both: tf.Tensor) -> tf.Tensor:
    """The multiplier of each pixel and channel, (batch, height, width, channels).

    Args:
        batch: the batch.
        both: the images, then their references.

    Raises:
        InputError: there is no rule for an operation, or a layer normalizes by the statistics of the batch.
    """
    normalizing = batch.forward.training_layers.normalizing
    if normalizing:
        raise InputError(
            f"The model must not normalize by the statistics of the batch, which holds images and references here. "
            f"Received: {', '.join(normalizing)}, called with training=True."
        )
    forward, score = batch.rerun(both, 2)
    try:
        found = multipliers(forward.images, score)
    except UnknownOperationError as unknown:
        raise InputError(
            f"The model must consist of operations that deeplift has a rule for. Received: {unknown.operation.type} of "
            f"{forward.layer_holding(unknown.operation)!r}. `integrated_gradients` needs no rules."
        ) from None
    if found is None:
        raise InputError("The score must depend on the pixels. Received: a score that does not. Occlusion needs no such path.")
    return found


def _with_remarks(attribution: Attribution) -> Attribution:
    """Say in the settings for which images the values do not add up to the change of the score."""
    change, gap = np.abs(attribution.arrays["change"]), np.abs(attribution.arrays["gap"])
    parts = gap / np.maximum(change, 1e-3 * np.maximum(1, np.abs(attribution.scores)))
    remarks = [
        *(attribution.settings.remarks or ()),
        *(
            f"image {row}: the values add up to {parts[row]:.0%} more or less than the score changes: the precision, or an "
            "operation that compares numbers, breaks the sum."
            for row in np.flatnonzero(parts > TOLERANCE)
        ),
    ]
    return replace(attribution, settings=attribution.settings.with_values(remarks=remarks or None))
