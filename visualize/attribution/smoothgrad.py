"""SmoothGrad and its kin: gradients around an image, which show less noise than the gradient at it."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_number, renamed_keywords
from visualize.attribution.perturbation import gradients_of_copies, loop_over_copies, sum_gradients
from visualize.attribution.request import Batch, Method, explain, maximum_of_channels, prepare
from visualize.errors import InputError
from visualize.results import Attribution

__all__ = ["smoothgrad", "squaregrad", "vargrad"]


@renamed_keywords(explained="input_name")
def smoothgrad(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    seed: int = 0,
) -> Attribution:
    """Explain a class score by the size of its mean gradient over noisy copies of the image.

    Smilkov et al. (2017), arXiv:1706.03825, section 3.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        samples: noisy copies of each image.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of |mean of d score / d pixel|, never negative, in score per unit of
        pixel. On a linear model they are |weight|, whatever the noise.

    Raises:
        InputError: `target` is not a class of the model, `samples` or `noise` is out of range, or `modifier` finds no ReLU.

    Cost:
        25 forward and backward passes.

    Needs:
        Gradients.

    Misleads:
        It tells where the score is sensitive, not what a pixel contributes, and hardly tells classes apart. The noise hides
        what is itself a lack of noise.

    Example:
        visualize smoothgrad model.keras cat.png --samples 50 --noise 0.2
    """
    method = SmoothGrad(modifier=modifier, samples=samples, noise=noise, seed=seed)
    return explain(prepare(model, images, target, input_name, precision), method, batch_size)


@dataclass(frozen=True, kw_only=True)
class _NoisyGradients(Method, abc.ABC):
    """A statistic of the gradient over noisy copies of each image, the highest among the channels."""

    samples: int
    noise: float
    seed: int

    def __post_init__(self):
        checked_count("samples", self.samples, 1)
        checked_count("seed", self.seed, 0)
        if not checked_number("noise", self.noise) > 0:
            raise InputError(f"`noise` must be above 0. Received: {self.noise}.")
        super().__post_init__()

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        return {"values": maximum_of_channels(self.statistic(batch))}

    @abc.abstractmethod
    def statistic(self, batch: Batch) -> tf.Tensor:
        """What is shown of the gradients of all copies, (batch, height, width, channels)."""

    def noisy_copies(self, batch: Batch, numbers: tf.Tensor) -> tf.Tensor:
        """The copies of those numbers, (k, batch, height, width, channels); the noise of a number is one for all images."""
        images, shape = batch.images, [1, *batch.images.shape[1:]]
        axes = list(range(1, images.shape.rank))
        ranges = tf.reduce_max(images, axes, keepdims=True) - tf.reduce_min(images, axes, keepdims=True)

        def normal(number):
            return tf.random.stateless_normal(shape, tf.stack([self.seed, number]), dtype=images.dtype)

        drawn = tf.map_fn(normal, numbers, fn_output_signature=tf.TensorSpec(shape, images.dtype))
        return images + self.noise * ranges * drawn

    def mean_of(self, batch: Batch, function: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """The mean over all copies of a function of the gradient."""

        def copies(numbers):
            return self.noisy_copies(batch, numbers)

        (total,) = sum_gradients(batch, self.samples, copies, lambda gradients: (function(gradients),), 1)
        return total / self.samples


@dataclass(frozen=True, kw_only=True)
class SmoothGrad(_NoisyGradients):
    """The size of the mean."""

    name = "smoothgrad"
    unit = "score per unit of pixel"

    def statistic(self, batch: Batch) -> tf.Tensor:
        return tf.abs(self.mean_of(batch, lambda gradients: gradients))


@renamed_keywords(explained="input_name")
def squaregrad(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    seed: int = 0,
) -> Attribution:
    """Explain a class score by its mean squared gradient over noisy copies of the image.

    Hooker et al. (2018), arXiv:1806.10758, section 3.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        samples: noisy copies of each image.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of the mean of (d score / d pixel)^2, never negative, in (score per unit
        of pixel)^2. On a linear model they are weight^2, whatever the noise.

    Raises:
        InputError: `target` is not a class of the model, `samples` or `noise` is out of range, or `modifier` finds no ReLU.

    Cost:
        25 forward and backward passes.

    Needs:
        Gradients.

    Misleads:
        It tells where the score is sensitive, not what a pixel contributes, and hardly tells classes apart. The noise hides
        what is itself a lack of noise.

    Example:
        visualize squaregrad model.keras cat.png
    """
    method = SquareGrad(modifier=modifier, samples=samples, noise=noise, seed=seed)
    return explain(prepare(model, images, target, input_name, precision), method, batch_size)


@dataclass(frozen=True, kw_only=True)
class SquareGrad(_NoisyGradients):
    """The mean of the squares."""

    name = "squaregrad"
    unit = "(score per unit of pixel)\u00b2"

    def statistic(self, batch: Batch) -> tf.Tensor:
        return self.mean_of(batch, tf.square)


@renamed_keywords(explained="input_name")
def vargrad(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    seed: int = 0,
) -> Attribution:
    """Explain a class score by the variance of its gradient over noisy copies of the image.

    Adebayo et al. (2018), arXiv:1810.03307, section 3; independent of the mean gradient, so of SmoothGrad.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        samples: noisy copies of each image.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of the variance of d score / d pixel, never negative, in (score per unit
        of pixel)^2. On a linear model they are exactly 0.

    Raises:
        InputError: `target` is not a class of the model, `samples` or `noise` is out of range, or `modifier` finds no ReLU.

    Cost:
        25 forward and backward passes.

    Needs:
        Gradients.

    Misleads:
        At chance on planted textures, in a CNN and in a residual network. It tells where the gradient changes, not where the
        evidence is, and hardly tells classes apart.

    Example:
        visualize vargrad model.keras cat.png
    """
    method = VarGrad(modifier=modifier, samples=samples, noise=noise, seed=seed)
    return explain(prepare(model, images, target, input_name, precision), method, batch_size)


@dataclass(frozen=True, kw_only=True)
class VarGrad(_NoisyGradients):
    """The variance: of differences to the first gradient, so that what all gradients share cannot drown what they do not."""

    name = "vargrad"
    unit = "(score per unit of pixel)\u00b2"

    def statistic(self, batch: Batch) -> tf.Tensor:
        def body(numbers, first, total, squares):
            gradients = gradients_of_copies(batch, self.noisy_copies(batch, numbers))
            first = tf.where(numbers[0] == 0, gradients[0], first)
            differences = gradients - first
            return first, total + tf.reduce_sum(differences, 0), squares + tf.reduce_sum(tf.square(differences), 0)

        _, total, squares = loop_over_copies(batch, self.samples, body, [tf.zeros_like(batch.images)] * 3)
        return tf.maximum(squares / self.samples - tf.square(total / self.samples), 0)
