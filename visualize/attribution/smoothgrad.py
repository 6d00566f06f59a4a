"""SmoothGrad and its kin: gradients around an image, which show less noise than the gradient at it."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_number, renamed_keywords
from visualize.attribution.perturbation import gradients_of_copies, loop_over_copies
from visualize.attribution.request import Batch, Method, explain, prepare
from visualize.attribution.standard_error import (
    add_samples,
    checked_tolerance,
    is_within,
    loop_until_enough,
    standard_error,
    with_counts,
)
from visualize.errors import InputError
from visualize.results import Attribution

__all__ = ["smoothgrad", "squaregrad", "vargrad"]

SAMPLES = 25  # where nothing is said; and between two looks at the error
MOST_SAMPLES = 1000  # with a tolerance, where nothing is said


@renamed_keywords(explained="input_name")
def smoothgrad(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    samples: int | None = None,
    tolerance: float | None = None,
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
        samples: noisy copies of each image; by default 25, with `tolerance` 1,000.
        tolerance: take more samples, 25 at a time and at most `samples`, until the largest standard error of an image's map
            is at most this share of its largest value: 0.05.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of |mean of d score / d pixel|, never negative, in score per unit of
        pixel. On a linear model they are |weight|, whatever the noise. `arrays["error"]` has the standard error of each pixel,
        that of the mean in the channel that is shown: with other samples the mean would differ by about so much, and its size
        by less where it is below its error. With `tolerance`, `arrays["samples"]` has the samples that each image took, and
        `settings.remarks` says which images reached the most without being within it.

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
        visualize smoothgrad model.keras cat.png --tolerance 0.1 --error
    """
    method = SmoothGrad(modifier=modifier, samples=_samples(samples, tolerance), tolerance=tolerance, noise=noise, seed=seed)
    attribution = explain(prepare(model, images, target, input_name, precision), method, batch_size)
    return with_counts(attribution, "samples", method.samples, method.tolerance)


@dataclass(frozen=True, kw_only=True)
class _NoisyGradients(Method, abc.ABC):
    """A statistic of the gradient over noisy copies of each image, the highest among the channels, and its standard error.

    Attributes:
        sums: how many sums over the gradients the statistic is made of.
        samples: noisy copies of each image, the most of them where there is a tolerance.
        tolerance: largest error as a share of the largest value at which an image has enough samples; None to take them all.
        noise: standard deviation, as a part of the range of the image's own pixels.
        seed: of the noise.
    """

    sums: ClassVar[int]

    samples: int
    tolerance: float | None = None
    noise: float
    seed: int

    def __post_init__(self):
        checked_count("samples", self.samples, 1)
        checked_count("seed", self.seed, 0)
        checked_tolerance(self.tolerance, self.samples, SAMPLES, "samples")
        if not checked_number("noise", self.noise) > 0:
            raise InputError(f"`noise` must be above 0. Received: {self.noise}.")
        super().__post_init__()

    @property
    def stops_by_itself(self) -> bool:
        return self.tolerance is not None

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        def body(numbers, *sums):
            return self.add(sums, gradients_of_copies(batch, self.noisy_copies(batch, numbers)), numbers[0])

        start, tolerance = [tf.zeros_like(batch.images)] * self.sums, self.tolerance
        if tolerance is None:
            return self.highest_of_channels(self.samples, *loop_over_copies(batch, self.samples, body, start))

        def is_enough(count, *sums):
            return is_within(self.highest_of_channels(count, *sums), tolerance)

        count, sums = loop_until_enough(batch, self.samples, body, start, at_a_time=SAMPLES, is_enough=is_enough)
        counts = tf.fill(tf.shape(batch.images)[:1], count)
        return {**self.highest_of_channels(count, *sums), "samples": counts}

    @abc.abstractmethod
    def add(self, sums: Sequence[tf.Tensor], gradients: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The sums with the gradients of more copies, (k, batch, height, width, channels), after `before` others."""

    @abc.abstractmethod
    def statistic(self, count: int | tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What is shown of the gradients of `count` copies, and its standard error, (batch, height, width, channels) each."""

    def highest_of_channels(self, count: int | tf.Tensor, *sums: tf.Tensor) -> dict[str, tf.Tensor]:
        """The highest value among the channels of each pixel and the error of that channel; no error of a single sample."""
        values, error = self.statistic(count, *sums)
        if self.samples == 1:
            return {"values": tf.reduce_max(values, axis=-1)}
        channel = tf.expand_dims(tf.argmax(values, axis=-1), axis=-1)
        of_channel = tf.gather(error, channel, batch_dims=channel.shape.rank - 1)
        return {"values": tf.reduce_max(values, axis=-1), "error": tf.squeeze(of_channel, axis=-1)}

    def noisy_copies(self, batch: Batch, numbers: tf.Tensor) -> tf.Tensor:
        """The copies of those numbers, (k, batch, height, width, channels); the noise of a number is one for all images."""
        images, shape = batch.images, [1, *batch.images.shape[1:]]
        axes = list(range(1, images.shape.rank))
        ranges = tf.reduce_max(images, axes, keepdims=True) - tf.reduce_min(images, axes, keepdims=True)

        def normal(number):
            return tf.random.stateless_normal(shape, tf.stack([self.seed, number]), dtype=images.dtype)

        drawn = tf.map_fn(normal, numbers, fn_output_signature=tf.TensorSpec(shape, images.dtype))
        return images + self.noise * ranges * drawn


@dataclass(frozen=True, kw_only=True)
class SmoothGrad(_NoisyGradients):
    """The size of the mean."""

    name = "smoothgrad"
    unit = "score per unit of pixel"

    sums = 2

    def add(self, sums: Sequence[tf.Tensor], gradients: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, ...]:
        total, spread = sums
        return add_samples(total, spread, gradients, before)

    def statistic(self, count: int | tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        total, spread = sums
        return tf.abs(mean_of(total, count)), standard_error(spread, count)


@renamed_keywords(explained="input_name")
def squaregrad(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    samples: int | None = None,
    tolerance: float | None = None,
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
        samples: noisy copies of each image; by default 25, with `tolerance` 1,000.
        tolerance: take more samples, 25 at a time and at most `samples`, until the largest standard error of an image's map
            is at most this share of its largest value: 0.05.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of the mean of (d score / d pixel)^2, never negative, in (score per unit
        of pixel)^2. On a linear model they are weight^2, whatever the noise. `arrays["error"]` has the standard error of each
        pixel, and with `tolerance` `arrays["samples"]` the samples that each image took.

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
    method = SquareGrad(modifier=modifier, samples=_samples(samples, tolerance), tolerance=tolerance, noise=noise, seed=seed)
    attribution = explain(prepare(model, images, target, input_name, precision), method, batch_size)
    return with_counts(attribution, "samples", method.samples, method.tolerance)


@dataclass(frozen=True, kw_only=True)
class SquareGrad(_NoisyGradients):
    """The mean of the squares."""

    name = "squaregrad"
    unit = "(score per unit of pixel)\u00b2"

    sums = 2

    def add(self, sums: Sequence[tf.Tensor], gradients: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, ...]:
        total, spread = sums
        return add_samples(total, spread, tf.square(gradients), before)

    def statistic(self, count: int | tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        total, spread = sums
        return mean_of(total, count), standard_error(spread, count)


@renamed_keywords(explained="input_name")
def vargrad(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    samples: int | None = None,
    tolerance: float | None = None,
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
        samples: noisy copies of each image; by default 25, with `tolerance` 1,000.
        tolerance: take more samples, 25 at a time and at most `samples`, until the largest standard error of an image's map
            is at most this share of its largest value: 0.05.
        noise: standard deviation of the noise, as a part of the range of the image's own pixels.
        modifier: "guided" or "relu": how a ReLU propagates gradients back; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        seed: of the noise, which is the same for every image.

    Returns:
        Attribution whose values are max over channels of the variance of d score / d pixel, never negative, in (score per unit
        of pixel)^2. On a linear model they are exactly 0. `arrays["error"]` has the standard error of each pixel, and with
        `tolerance` `arrays["samples"]` the samples that each image took.

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
    method = VarGrad(modifier=modifier, samples=_samples(samples, tolerance), tolerance=tolerance, noise=noise, seed=seed)
    attribution = explain(prepare(model, images, target, input_name, precision), method, batch_size)
    return with_counts(attribution, "samples", method.samples, method.tolerance)


@dataclass(frozen=True, kw_only=True)
class VarGrad(_NoisyGradients):
    """The variance: of differences to the first gradient, so that what all gradients share cannot drown what they do not."""

    name = "vargrad"
    unit = "(score per unit of pixel)\u00b2"

    sums = 5  # the first gradient, and the sums of the first four powers of the differences to it

    def add(self, sums: Sequence[tf.Tensor], gradients: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, ...]:
        first = tf.where(before == 0, gradients[0], sums[0])
        differences = gradients - first
        squares = tf.square(differences)
        powers = (differences, squares, squares * differences, tf.square(squares))
        return first, *(total + tf.reduce_sum(power, 0) for total, power in zip(sums[1:], powers, strict=True))

    def statistic(self, count: int | tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mean, square, cube, fourth = (mean_of(total, count) for total in sums[1:])
        variance = tf.maximum(square - tf.square(mean), 0)
        # The mean of (difference - mean)^4, multiplied out; above variance^2 it is the variance of (difference - mean)^2.
        central = fourth - 4 * mean * cube + 6 * tf.square(mean) * square - 3 * tf.square(tf.square(mean))
        spread = tf.maximum(central - tf.square(variance), 0) * tf.cast(count, mean.dtype)
        return variance, standard_error(spread, count)


def mean_of(total: tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """The mean of `count` numbers with that sum."""
    return total / (count if isinstance(count, int) else tf.cast(count, total.dtype))


def _samples(samples: int | None, tolerance: float | None) -> int:
    """The most samples to take: as many as asked for, else what suits."""
    if samples is None:
        return SAMPLES if tolerance is None else MOST_SAMPLES
    return samples
