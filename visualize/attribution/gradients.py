"""Gradients: how a score changes with each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, renamed_keywords
from visualize.attribution.perturbation import Fill, checked_fill, fill_images, fill_in_json, sum_gradients
from visualize.attribution.request import Batch, Method, Request, explain, maximum_of_channels, prepare, sum_of_channels
from visualize.results import Attribution

__all__ = ["input_times_gradient", "integrated_gradients", "saliency"]

FEWEST_STEPS, MOST_STEPS = 50, 800  # of integrated gradients, where the number is left open
TOLERANCE = 0.05  # of its gap, as a fraction of the change of the score


@renamed_keywords(explained="input_name")
def saliency(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by the size of its gradient at each pixel.

    Simonyan, Vedaldi & Zisserman (2013), arXiv:1312.6034, section 3.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        modifier: "guided" (Springenberg et al. 2014, arXiv:1412.6806) or "relu" (Zeiler & Fergus 2013, arXiv:1311.2901): how a
            ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are max over channels of |d score / d pixel|, never negative, in score per unit of pixel.
        On a linear model they are |weight|, whatever the image.

    Raises:
        InputError: `target` is not a class of the model, or `modifier` finds no ReLU between image and score.

    Cost:
        1 forward and 1 backward pass.

    Needs:
        Gradients.

    Misleads:
        It tells where the score is sensitive, not what a pixel contributes, and it is noisy. It hardly tells classes apart,
        least of all with a modifier.

    Example:
        visualize saliency model.keras cat.png dog.png --modifier guided
    """
    return explain(prepare(model, images, target, input_name, precision), Saliency(modifier=modifier), batch_size)


@dataclass(frozen=True, kw_only=True)
class Saliency(Method):
    """The size of the gradient."""

    name = "saliency"
    unit = "score per unit of pixel"

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        gradients = batch.forward.gradient(batch.score, batch.images, "the image")
        return {"values": maximum_of_channels(tf.abs(gradients))}


@renamed_keywords(explained="input_name")
def input_times_gradient(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by each pixel times its gradient.

    Shrikumar et al. (2016), arXiv:1605.01713, section 3.2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are the sum over channels of pixel x d score / d pixel, signed, in units of the score. On a
        linear model without bias they add up to the score.

    Raises:
        InputError: `target` is not a class of the model, or `modifier` finds no ReLU between image and score.

    Cost:
        1 forward and 1 backward pass.

    Needs:
        Gradients.

    Misleads:
        A black pixel (0) has no value, however much it matters; noisy.

    Example:
        visualize input_times_gradient model.keras cat.png
    """
    return explain(prepare(model, images, target, input_name, precision), InputTimesGradient(modifier=modifier), batch_size)


@dataclass(frozen=True, kw_only=True)
class InputTimesGradient(Method):
    """Pixel times gradient."""

    name = "input_times_gradient"
    unit = "score"
    signed = True

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        gradients = batch.forward.gradient(batch.score, batch.images, "the image")
        return {"values": sum_of_channels(batch.images * gradients)}


@renamed_keywords(explained="input_name")
def integrated_gradients(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    baseline: float | str | Sequence[float] | None = None,
    steps: int | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by the gradients along the straight path from a baseline image to this one.

    Sundararajan, Taly & Yan (2017), arXiv:1703.01365, equation 1; the integral is approximated at the middle of each step.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        baseline: what the path begins with: a number for every pixel, "mean" for the mean color of the image, or "blur" for
            the image out of focus; by default black, the low end of the input range that the model's card gives, else 0. In
            Python also a color, one number per channel, or an image, (height, width, channels).
        steps: number of steps along the path; by default as many as each image needs: 50, doubled until the gap is at most
            5 % of the difference, and at most 800.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are the sum over channels of (pixel - baseline) x mean gradient, signed, in units of the
        score. They add up to score(image) - score(baseline), to within `arrays["gap"]`, the difference of the two;
        `arrays["steps"]` has the steps that each image took. `settings.remarks` says so where the gap exceeds 5 %.

    Raises:
        InputError: `target` is not a class of the model, `baseline` is no number or image of the model, `steps` is below 1, or
            `modifier` finds no ReLU between image and score.

    Cost:
        50 to 800 forward and backward passes, as many as completeness needs.

    Needs:
        Gradients, and a baseline.

    Misleads:
        A pixel equal to the baseline has no value, however much it matters: black on black.

    Example:
        visualize integrated_gradients model.keras cat.png --steps 100
    """
    if steps is not None:
        checked_count("steps", steps, 1)
    request = prepare(model, images, target, input_name, precision)
    method = IntegratedGradients(modifier=modifier, baseline=checked_baseline(request, baseline))
    count = steps or FEWEST_STEPS
    attribution = _with_steps(explain(request, method, batch_size, numbers={"steps": count}), count)
    while steps is None and count < MOST_STEPS and (rows := np.flatnonzero(_relative_gap(attribution) > TOLERANCE)).size:
        count = min(2 * count, MOST_STEPS)
        refined = _with_steps(explain(request.rows(rows), method, batch_size, numbers={"steps": count}), count)
        attribution = _merged(attribution, rows, refined)
    return _with_remarks(attribution)


@dataclass(frozen=True)
class BaselineImage:
    """An image as a value that can be compared and hashed."""

    shape: tuple[int, ...]
    content: bytes  # float64

    @classmethod
    def of(cls, array: np.ndarray) -> BaselineImage:
        """The image that has these values."""
        return cls(array.shape, array.astype("float64").tobytes())

    @property
    def array(self) -> np.ndarray:
        """Its values, (height, width, channels)."""
        return np.frombuffer(self.content, "float64").reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class IntegratedGradients(Method):
    """Equation 1 of the paper, by the midpoint rule; and the gap of its completeness axiom."""

    name = "integrated_gradients"
    unit = "score"
    signed = True

    baseline: Fill | BaselineImage

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        baseline = baseline_images(batch.images, self.baseline)
        difference, steps = batch.images - baseline, batch.numbers["steps"]

        def copies_on_path(numbers):
            fractions = (tf.cast(numbers, difference.dtype) + 0.5) / tf.cast(steps, difference.dtype)
            return baseline + tf.reshape(fractions, [-1] + [1] * difference.shape.rank) * difference

        (total,) = sum_gradients(batch, steps, copies_on_path, lambda gradients: (gradients,), 1)
        values = sum_of_channels(difference * total / tf.cast(steps, difference.dtype))
        _, baseline_score = batch.rerun(tf.zeros_like(difference) + baseline)
        explained = tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))
        change = tf.cast(batch.score - baseline_score, values.dtype)
        return {"values": values, "gap": explained - change, "change": change}

    def settings(self) -> dict[str, Any]:
        baseline = "an image" if isinstance(self.baseline, BaselineImage) else fill_in_json(self.baseline)
        return {**super().settings(), "baseline": baseline}


def baseline_images(images: tf.Tensor, baseline: Fill | BaselineImage) -> tf.Tensor:
    """The baseline of images, in a shape that broadcasts to theirs."""
    if isinstance(baseline, BaselineImage):
        return tf.constant(baseline.array, images.dtype)
    return fill_images(images, baseline)


def _relative_gap(attribution: Attribution) -> np.ndarray:
    """The size of each image's gap as a fraction of the change of the score from the baseline to the image, (batch,)."""
    change = np.abs(attribution.arrays["change"])
    return np.abs(attribution.arrays["gap"]) / np.maximum(change, 1e-6 * np.maximum(1, np.abs(attribution.scores)))


def _with_steps(attribution: Attribution, steps: int) -> Attribution:
    return replace(attribution, arrays={**attribution.arrays, "steps": np.full(len(attribution.values), steps, "int32")})


def _merged(attribution: Attribution, rows: np.ndarray, refined: Attribution) -> Attribution:
    """The attribution, with the maps of some images replaced."""
    values, arrays = attribution.values.copy(), {name: array.copy() for name, array in attribution.arrays.items()}
    values[rows] = refined.values
    for name, array in refined.arrays.items():
        arrays[name][rows] = array
    return replace(attribution, values=values, arrays=arrays)


def _with_remarks(attribution: Attribution) -> Attribution:
    """Say in the settings how many steps were taken, and for which images the gap stays too large."""
    gaps, steps = _relative_gap(attribution), attribution.arrays["steps"]
    remarks = [
        *(attribution.settings.remarks or ()),
        *(
            f"image {row}: the values add up to {gaps[row]:.0%} more or less than the score changes, after {steps[row]} steps"
            + (", the most that are taken." if steps[row] == MOST_STEPS else ": take more.")
            for row in np.flatnonzero(gaps > TOLERANCE)
        ),
    ]
    settings = attribution.settings.with_values(steps=int(steps.max()), remarks=remarks or None)
    return replace(attribution, settings=settings)


def checked_baseline(request: Request, baseline: Any) -> Fill | BaselineImage:
    """A baseline as it is passed, or black where it is None.

    Raises:
        InputError: it is neither a number, a color, a word nor an image of the model.
    """
    inputs, black = request.inputs, request.input_range[0] if request.input_range else 0.0
    shapes = dict.fromkeys((inputs.taken_shape, inputs.images.shape[1:]))  # of a flat vector, and of its picture
    if isinstance(baseline, list | tuple | np.ndarray) and np.shape(baseline) in shapes:
        image = np.asarray(baseline)
        if image.dtype.kind in "uif" and np.isfinite(image).all():
            return BaselineImage.of(inputs.as_image(image))
    or_image = f", or an image of shape {' or '.join(map(str, shapes))}"
    return checked_fill(baseline, black, inputs.images.shape[-1], name="baseline", or_image=or_image)
