"""Parametrizations: the numbers that an image is computed from while it is optimized."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

from visualize._utils.lazy import tf
from visualize.feature_visualization.colors import color_matrix

FALLOFF = 1.4  # exponent of the frequency by which the sizes of waves fall; 1 in Lucid, more makes smoother pictures
MARGIN = 0.01  # of the input range: a sigmoid reaches its ends only at infinity
TINY = 1e-12


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


@dataclass(frozen=True)
class Fourier(Parametrization):
    """Waves across the image, larger at low frequencies, over decorrelated colors, through a sigmoid into the input range.

    Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007, section "Preconditioning and Parameterization". The
    parameters are the real and imaginary parts of the spectrum, (batch, height, width // 2 + 1, channels, 2), divided by
    1 / frequency ** FALLOFF, about the size of a wave in natural images: a step that changes all parameters equally changes
    each wave in proportion to that size, and a pixel by about as much as a step of `Pixel` would.
    """

    @property
    def parameter_span(self) -> float:
        """1: the factors of the waves are scaled so that it takes a pixel through the input range, about."""
        return 1.0

    def parameters(self, images: np.ndarray) -> np.ndarray:
        """The parameters of images, (batch, height, width, channels). Pixels near the ends of the range are moved inwards."""
        parts = np.clip((images.astype("float64") - self.low) / self.span, MARGIN, 1 - MARGIN)
        waves = np.log(parts / (1 - parts)) @ np.linalg.inv(color_matrix(self.shape[-1])).T
        spectrum = np.fft.rfft2(waves, axes=(1, 2)) / self._wave_sizes[:, :, None]
        return np.stack([spectrum.real, spectrum.imag], axis=-1)

    def images(self, parameters: tf.Tensor) -> tf.Tensor:
        """The images of parameters, (batch, height, width, channels)."""
        real, imaginary = tf.unstack(parameters, axis=-1)  # (batch, height, width // 2 + 1, channels) each
        sizes = tf.constant(self._wave_sizes[:, :, None], parameters.dtype)
        waves = _sum_of_waves(sizes * real, sizes * imaginary, self.shape)
        return tf.clip_by_value(self.low + self.span * tf.sigmoid(waves), self.low, self.high)  # rounding can leave it

    def clipped(self, parameters: tf.Tensor) -> tf.Tensor:
        """The parameters as they are: the sigmoid keeps images within the range."""
        return parameters

    @property
    def _wave_sizes(self) -> np.ndarray:
        """The factor of each wave, (height, width // 2 + 1): 1 / frequency ** FALLOFF, scaled.

        The scale is such that steps of 1 of all parameters move a pixel by about the input range: the derivative of a sigmoid
        is at most 1 / 4, so its argument must move by 4. A wave that is stored once moves it twice as far as one whose mirror
        image is stored, too.
        """
        height, width, _ = self.shape
        vertical, horizontal = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
        frequencies = np.maximum(np.hypot(vertical, horizontal), 1 / max(height, width))  # (height, width // 2 + 1)
        sizes = frequencies**-FALLOFF
        moved = np.where(_own_mirror(width), 1, 2) * sizes / (height * width)
        return 4 / np.sqrt((moved**2).sum()) * sizes


@dataclass(frozen=True)
class MagnitudeConstrained(Parametrization):
    """Waves across the image whose sizes are given and whose phases are optimized, over decorrelated colors.

    Fel et al. (2023), arXiv:2306.06805, "MaCo". The parameters are complex numbers, (batch, height, width // 2 + 1,
    channels, 2), and only their phases matter: the spectrum of the image, less the middle of the input range, has exactly the
    given magnitudes until pixels are clipped to the range. Two cases are free: the mean color, whose magnitude is at most the
    given one, and an image all of whose parameters are 0, which is gray. (Optimizing a complex number of any length is
    optimizing its angle by steps that become smaller as it grows.)

    Attributes:
        magnitudes: of the spectrum as a part of the input range, (height, width // 2 + 1, channels) float32, as bytes: the
            key of a graph.
    """

    magnitudes: bytes

    @property
    def parameter_span(self) -> float:
        """1: the noise that an image starts from decides all phases, whatever its size."""
        return 1.0

    @property
    def spectrum(self) -> np.ndarray:
        """The magnitudes as an array, (height, width // 2 + 1, channels)."""
        height, width, channels = self.shape
        return np.frombuffer(self.magnitudes, "float32").reshape(height, width // 2 + 1, channels)

    def parameters(self, images: np.ndarray) -> np.ndarray:
        """Numbers of length 1 with the phases of images, (batch, height, width, channels); of the mean color at most 1."""
        parts = (images.astype("float64") - self.low) / self.span - 0.5
        spectrum = np.fft.rfft2(parts @ np.linalg.inv(color_matrix(self.shape[-1])).T, axes=(1, 2))
        lengths = np.abs(spectrum)
        lengths[:, 0, 0] = np.maximum(lengths[:, 0, 0], self.spectrum[0, 0])
        spectrum = spectrum / np.maximum(lengths, TINY)
        return np.stack([spectrum.real, spectrum.imag], axis=-1)

    def images(self, parameters: tf.Tensor) -> tf.Tensor:
        """The images of parameters, clipped to the input range; their gradient is that of images that are not clipped."""
        free = self.unclipped(parameters)
        return tf.stop_gradient(tf.clip_by_value(free, self.low, self.high)) + (free - tf.stop_gradient(free))

    def unclipped(self, parameters: tf.Tensor) -> tf.Tensor:
        """The images of parameters, whose magnitudes are the given ones."""
        real, imaginary = tf.unstack(parameters, axis=-1)  # (batch, height, width // 2 + 1, channels) each
        # In these columns the waves (k, l) and (-k, l) are one: the mean of their parameters counts.
        own_mirror = tf.constant(_own_mirror(self.shape[1]), parameters.dtype)[:, None]
        mirrored = (-np.arange(self.shape[0])) % self.shape[0]
        real += own_mirror * (tf.gather(real, mirrored, axis=1) - real) / 2
        imaginary -= own_mirror * (tf.gather(imaginary, mirrored, axis=1) + imaginary) / 2
        squares = real**2 + imaginary**2
        shortest = np.full((*self.spectrum.shape[:2], 1), TINY)
        shortest[0, 0] = 1  # the mean color: shorter numbers stay as they are
        factors = tf.constant(self.spectrum, parameters.dtype) * tf.math.rsqrt(
            tf.maximum(squares, tf.constant(shortest, parameters.dtype))
        )
        waves = _sum_of_waves(factors * real, factors * imaginary, self.shape)
        return self.low + self.span * (0.5 + waves)

    def clipped(self, parameters: tf.Tensor) -> tf.Tensor:
        """The parameters as they are: `images` clips pixels."""
        return parameters


PARAMETRIZATIONS: dict[str, type[Parametrization]] = {"pixel": Pixel, "fourier": Fourier, "maco": MagnitudeConstrained}


def _own_mirror(width: int) -> np.ndarray:
    """Whether a column of the spectrum is its own mirror image, (width // 2 + 1,): the first, of even width the last."""
    columns = np.arange(width // 2 + 1)
    return (-columns) % width == columns


def _sum_of_waves(real: tf.Tensor, imaginary: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """The sum of waves, (batch, height, width, channels), whose spectrum is that of decorrelated colors."""
    height, width, channels = shape
    spectrum = tf.complex(*(tf.transpose(part, [0, 3, 1, 2]) for part in (real, imaginary)))  # (batch, channels, ...)
    waves = tf.transpose(tf.signal.irfft2d(spectrum, [height, width]), [0, 2, 3, 1])
    return waves @ tf.constant(color_matrix(channels).T, waves.dtype)
