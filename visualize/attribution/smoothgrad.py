"""Smoothing: gradients around an image, which show less noise than the one at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_number
from visualize.attribution.perturbation import summed_slopes
from visualize.attribution.questions import ask
from visualize.attribution.request import View, explain, highest_of_channels
from visualize.errors import InputError
from visualize.models.inputs import checked_batch_size, checked_count
from visualize.results import Attribution

__all__ = ["smoothgrad", "squaregrad", "vargrad"]

UNITS = {
    "smoothgrad": "score per unit of pixel",
    "squaregrad": "(score per unit of pixel)\u00b2",
    "vargrad": "(score per unit of pixel)\u00b2",
}


def smoothgrad(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    seed: int = 0,
) -> Attribution:
    """Explain a class score by the size of its mean gradient over noisy copies of the image.

    Smilkov et al. (2017), arXiv:1706.03825, section 3.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        samples: noisy copies of each image.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of |mean of d score / d pixel|, never negative, in score per unit of
        pixel. On a linear model they are |weight|, whatever the noise.

    Raises:
        InputError: `target` is not a class of the model, `samples` or `noise` is out of range, or `modifier` finds no ReLU.

    Example:
        visualize smoothgrad model.keras cat.png --samples 50 --noise 0.2
    """

    def size_of_mean(total, _):
        return tf.abs(total / samples)

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _smoothed("smoothgrad", size_of_mean, model, images, target, samples, noise, seed, **options)


def squaregrad(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    seed: int = 0,
) -> Attribution:
    """Explain a class score by its mean squared gradient over noisy copies of the image.

    Hooker et al. (2018), arXiv:1806.10758, section 3.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        samples: noisy copies of each image.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of the mean of (d score / d pixel)^2, never negative, in (score per unit
        of pixel)^2. On a linear model they are weight^2, whatever the noise.

    Raises:
        InputError: `target` is not a class of the model, `samples` or `noise` is out of range, or `modifier` finds no ReLU.

    Example:
        visualize squaregrad model.keras cat.png
    """

    def mean_square(_, squares):
        return squares / samples

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _smoothed("squaregrad", mean_square, model, images, target, samples, noise, seed, **options)


def vargrad(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    seed: int = 0,
) -> Attribution:
    """Explain a class score by the variance of its gradient over noisy copies of the image.

    Adebayo et al. (2018), arXiv:1810.03307, section 3; independent of the mean gradient, so of SmoothGrad.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        samples: noisy copies of each image.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of the variance of d score / d pixel, never negative, in (score per unit
        of pixel)^2. On a linear model they are zero.

    Raises:
        InputError: `target` is not a class of the model, `samples` or `noise` is out of range, or `modifier` finds no ReLU.

    Example:
        visualize vargrad model.keras cat.png
    """

    def variance(total, squares):
        return tf.maximum(squares / samples - (total / samples) ** 2, 0)

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _smoothed("vargrad", variance, model, images, target, samples, noise, seed, **options)


def _smoothed(
    method: str,
    combine: Callable[[Any, Any], Any],
    model: Any,
    images: Any,
    target: Any,
    samples: int,
    noise: float,
    seed: int,
    *,
    modifier: str | None,
    explained: str | None,
    batch_size: int | None,
    precision: str,
) -> Attribution:
    """`combine(sum of slopes, sum of squared slopes)` over noisy copies, the highest of the channels."""
    checked_count("samples", samples, 1)
    checked_count("seed", seed, 0)
    if not checked_number("noise", noise) > 0:
        raise InputError(f"`noise` must be above 0. Received: {noise}.")
    question = ask(model, images, target, explained, precision)
    rows = checked_batch_size(batch_size, question.inputs)

    def combined(view: View) -> dict[str, Any]:
        axes = list(range(1, view.images.shape.rank))
        ranges = tf.reduce_max(view.images, axes, keepdims=True) - tf.reduce_min(view.images, axes, keepdims=True)

        shape, dtype = [1, *view.images.shape[1:]], view.images.dtype

        def normal(number):
            return tf.random.stateless_normal(shape, [seed, number], dtype=dtype)

        def change(numbers):
            drawn = tf.map_fn(normal, numbers, fn_output_signature=tf.TensorSpec(shape, dtype))  # (k, 1, height, width, ...)
            return view.images + noise * ranges * drawn

        total, squares = summed_slopes(view, samples, rows, change, lambda slopes: (slopes, slopes**2), 2)
        return {"values": highest_of_channels(combine(total, squares))}

    return explain(
        question,
        combined,
        method=method,
        key=(samples, noise, seed, rows),
        modifier=modifier,
        batch_size=batch_size,
        settings={"unit": UNITS[method], "samples": samples, "noise": noise, "seed": seed},
    )
