"""Gradients: how a score changes with each pixel."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import tf
from visualize._utils.validation import received
from visualize.attribution.perturbation import summed_slopes
from visualize.attribution.questions import Question, ask
from visualize.attribution.request import View, explain, highest_of_channels, sum_of_channels
from visualize.errors import InputError
from visualize.models.inputs import checked_batch_size, checked_count
from visualize.results import Attribution

__all__ = ["input_times_gradient", "integrated_gradients", "saliency"]


def saliency(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by the size of its gradient at each pixel.

    Simonyan, Vedaldi & Zisserman (2013), arXiv:1312.6034, section 3.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        modifier: "guided" (Springenberg et al. 2014, arXiv:1412.6806) or "relu" (Zeiler & Fergus 2013, arXiv:1311.2901): how a
            ReLU passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are max over channels of |d score / d pixel|, never negative, in score per unit of pixel.
        On a linear model they are |weight|, whatever the image.

    Raises:
        InputError: `target` is not a class of the model, or `modifier` finds no ReLU between image and score.

    Example:
        visualize saliency model.keras cat.png dog.png --modifier guided
    """
    question = ask(model, images, target, explained, precision)

    def sizes(view: View) -> dict[str, Any]:
        slopes = view.seen.gradient(view.score, view.images, "the image")
        return {"values": highest_of_channels(tf.abs(slopes))}

    return explain(
        question,
        sizes,
        method="saliency",
        key=(),
        modifier=modifier,
        batch_size=batch_size,
        settings={"unit": "score per unit of pixel"},
    )


def input_times_gradient(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by each pixel times its gradient.

    Shrikumar et al. (2016), arXiv:1605.01713, section 3.2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        modifier: "guided" or "relu": how a ReLU passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are the sum over channels of pixel x d score / d pixel, signed, in units of the score. On a
        linear model without bias they add up to the score.

    Raises:
        InputError: `target` is not a class of the model, or `modifier` finds no ReLU between image and score.

    Example:
        visualize input_times_gradient model.keras cat.png
    """
    question = ask(model, images, target, explained, precision)

    def products(view: View) -> dict[str, Any]:
        slopes = view.seen.gradient(view.score, view.images, "the image")
        return {"values": sum_of_channels(view.images * slopes)}

    return explain(
        question,
        products,
        method="input_times_gradient",
        key=(),
        modifier=modifier,
        batch_size=batch_size,
        settings={"unit": "score", "signed": True},
    )


def integrated_gradients(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    baseline: float | None = None,
    steps: int = 50,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by the gradients on the straight way from a baseline image to this one.

    Sundararajan, Taly & Yan (2017), arXiv:1703.01365, equation 1; the integral is taken at the middle of each step.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        baseline: value of every pixel of the image that says nothing; by default black, the low end of the input range that
            the model's card gives, else 0. In Python also an image, (height, width, channels).
        steps: of the way.
        modifier: "guided" or "relu": how a ReLU passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are the sum over channels of (pixel - baseline) x mean gradient, signed, in units of the
        score. They add up to score(image) - score(baseline), to within what `arrays["gap"]` says: the difference of the two.

    Raises:
        InputError: `target` is not a class of the model, `baseline` is no number or image of the model, `steps` is below 1, or
            `modifier` finds no ReLU between image and score.

    Example:
        visualize integrated_gradients model.keras cat.png --steps 100
    """
    checked_count("steps", steps, 1)
    question = ask(model, images, target, explained, precision)
    start, told = _baseline(question, baseline)
    rows = checked_batch_size(batch_size, question.inputs)

    def integrals(view: View) -> dict[str, Any]:
        origin = tf.constant(start, view.images.dtype)
        way = view.images - origin

        def change(numbers):
            parts = (tf.cast(numbers, way.dtype) + 0.5) / steps
            return origin + tf.reshape(parts, [-1] + [1] * way.shape.rank) * way

        (total,) = summed_slopes(view, steps, rows, change, lambda slopes: (slopes,), 1)
        values = sum_of_channels(way * total / steps)
        nothing = view.again(tf.zeros_like(way) + origin)[1]
        gap = tf.reduce_sum(values, axis=list(range(1, values.shape.rank))) - tf.cast(view.score - nothing, values.dtype)
        return {"values": values, "gap": gap}

    return explain(
        question,
        integrals,
        method="integrated_gradients",
        key=(steps, rows, start.tobytes()),
        modifier=modifier,
        batch_size=batch_size,
        settings={"unit": "score", "signed": True, "baseline": told, "steps": steps},
    )


def _baseline(question: Question, baseline: Any) -> tuple[np.ndarray, Any]:
    """The baseline image, and what to say of it."""
    shape = question.inputs.images.shape[1:]
    if baseline is None:
        baseline = question.input_range[0] if question.input_range else 0.0
    try:
        array = np.asarray(baseline, "float64")
    except (TypeError, ValueError):
        raise InputError(
            f"`baseline` must be a number, or an image of shape {shape}. Received: {received(baseline)}."
        ) from None
    if array.shape not in ((), shape) or not np.isfinite(array).all():
        raise InputError(f"`baseline` must be a number, or an image of shape {shape}. Received: shape {array.shape}.")
    return array, float(array) if array.ndim == 0 else "an image"
