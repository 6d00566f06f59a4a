"""Parametrizations: the numbers that an image is computed from while it is optimized."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

from visualize._utils.lazy import tf

# How the colors of natural images vary together: the square root of their correlations over ImageNet, as Lucid publishes it
# (Apache License 2.0; lucid/optvis/param/color.py) for Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007.
COLORS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
MARGIN = 0.01  # of the input range: a sigmoid reaches its ends only at infinity


@dataclass(frozen=True)
class Parametrization(abc.ABC):
    """How images are computed from parameters.

    Attributes:
        shape: (height, width, channels).
        low, high: the input range.
    """

    shape: tuple[int, int, int]
    low: float
    high: float

    @property
    def span(self) -> float:
        """The length of the input range."""
        return self.high - self.low

    @property
    @abc.abstractmethod
    def parameter_span(self) -> float:
        """The change of a parameter that takes a pixel through the input range, about."""

    @abc.abstractmethod
    def parameters(self, images: np.ndarray) -> np.ndarray:
        """The parameters of images, (batch, height, width, channels)."""

    @abc.abstractmethod
    def images(self, parameters: tf.Tensor) -> tf.Tensor:
        """The images of parameters, (batch, height, width, channels)."""

    @abc.abstractmethod
    def clipped(self, parameters: tf.Tensor) -> tf.Tensor:
        """The nearest parameters whose images are within the input range."""

    @abc.abstractmethod
    def step_squares(self, squares: tf.Tensor) -> tf.Tensor:
        """The squares of which RMSprop takes its running mean, from squared gradients, in the same shape."""


@dataclass(frozen=True)
class Pixel(Parametrization):
    """Each pixel is its own parameter."""

    @property
    def parameter_span(self) -> float:
        """The length of the input range."""
        return self.span

    def parameters(self, images: np.ndarray) -> np.ndarray:
        """The images themselves."""
        return images

    def images(self, parameters: tf.Tensor) -> tf.Tensor:
        """The parameters themselves."""
        return parameters

    def clipped(self, parameters: tf.Tensor) -> tf.Tensor:
        """Each pixel within the input range."""
        return tf.clip_by_value(parameters, self.low, self.high)

    def step_squares(self, squares: tf.Tensor) -> tf.Tensor:
        """Those of each parameter, so that all pixels move at the same pace."""
        return squares


@dataclass(frozen=True)
class Fourier(Parametrization):
    """Waves across the image, larger at low frequencies, over decorrelated colors, through a sigmoid into the input range.

    Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007, section "Preconditioning and Parameterization". The
    parameters are the real and imaginary parts of the spectrum, (batch, height, width // 2 + 1, channels, 2), divided by the
    square root of 1 / frequency. The gradient with respect to a parameter contains that factor once, and so does the wave
    that a step of the parameter makes: along the gradient each wave moves by 1 / frequency, its size in natural images,
    and a pixel by about as much as a step of `Pixel` would move it.
    """

    @property
    def parameter_span(self) -> float:
        """1: the factors of the waves are scaled so that it takes a pixel through the input range, about."""
        return 1.0

    def parameters(self, images: np.ndarray) -> np.ndarray:
        """The parameters of images, (batch, height, width, channels). Pixels near the ends of the range are moved inwards."""
        parts = np.clip((images.astype("float64") - self.low) / self.span, MARGIN, 1 - MARGIN)
        waves = np.log(parts / (1 - parts)) @ np.linalg.inv(self._colors).T
        spectrum = np.fft.rfft2(waves, axes=(1, 2)) / self._wave_sizes[:, :, None]
        return np.stack([spectrum.real, spectrum.imag], axis=-1)

    def images(self, parameters: tf.Tensor) -> tf.Tensor:
        """The images of parameters, (batch, height, width, channels)."""
        height, width, _ = self.shape
        sizes = tf.constant(self._wave_sizes, parameters.dtype)[None, None]
        parts = tf.transpose(parameters, [4, 0, 3, 1, 2]) * sizes  # (2, batch, channels, height, width // 2 + 1)
        waves = tf.signal.irfft2d(tf.complex(parts[0], parts[1]), [height, width])
        waves = tf.transpose(waves, [0, 2, 3, 1]) @ tf.constant(self._colors.T, parameters.dtype)
        return tf.clip_by_value(self.low + self.span * tf.sigmoid(waves), self.low, self.high)  # rounding can leave it

    def clipped(self, parameters: tf.Tensor) -> tf.Tensor:
        """The parameters as they are: the sigmoid keeps images within the range."""
        return parameters

    def step_squares(self, squares: tf.Tensor) -> tf.Tensor:
        """Their mean over each image, so that waves with small gradients move little.

        With squares of their own all waves would move equally far, and together they drive pixels to the wrong end of the
        sigmoid, where there is no gradient to bring them back.
        """
        return tf.zeros_like(squares) + tf.reduce_mean(squares, axis=list(range(1, squares.shape.rank)), keepdims=True)

    @property
    def _wave_sizes(self) -> np.ndarray:
        """The factor of each wave, (height, width // 2 + 1): the square root of 1 / frequency, scaled.

        The scale is such that steps of 1 of all parameters move a pixel by about the input range: the derivative of a sigmoid
        is at most 1 / 4, so its argument must move by 4.
        """
        height, width, _ = self.shape
        vertical, horizontal = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
        sizes = np.maximum(np.hypot(vertical, horizontal), 1 / max(height, width)) ** -0.5  # (height, width)
        return 4 * height * width / np.sqrt(2 * (sizes**2).sum()) * sizes[:, : width // 2 + 1]

    @property
    def _colors(self) -> np.ndarray:
        """From decorrelated channels to those of the image, (channels, channels); three channels are red, green and blue."""
        channels = self.shape[-1]
        return COLORS / np.linalg.norm(COLORS, axis=0).max() if channels == 3 else np.eye(channels)


PARAMETRIZATIONS: dict[str, type[Parametrization]] = {"pixel": Pixel, "fourier": Fourier}
