"""Parametrizations: of what numbers an image is made while it climbs.

Both know the same: the numbers that make given images, the images that numbers make, how far a number must go to take a pixel
through its range, and whether numbers go at a pace of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import tf

# How the colors of natural images vary together: the square root of their correlations over ImageNet, as Lucid publishes it
# (Apache License 2.0; lucid/optvis/param/color.py) for Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007.
COLORS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
EDGE = 0.01  # of the input range: a sigmoid reaches its ends only at infinity


@dataclass(frozen=True)
class Pixel:
    """Each pixel is its own number.

    Attributes:
        shape: (height, width, channels).
        low, high: the input range.
    """

    shape: tuple[int, int, int]
    low: float
    high: float

    @property
    def span(self) -> float:
        """From black to white."""
        return self.high - self.low

    @property
    def reach(self) -> float:
        """What changes a pixel by the whole range."""
        return self.span

    def parameters(self, images: np.ndarray) -> np.ndarray:
        """The numbers that make images, (batch, height, width, channels)."""
        return images

    def images(self, parameters: Any) -> Any:
        """The images that numbers make."""
        return parameters

    def kept(self, parameters: Any) -> Any:
        """The numbers, held where images are within the range."""
        return tf.clip_by_value(parameters, self.low, self.high)

    def paced(self, squares: Any) -> Any:
        """What a step divides by, squared, of squared slopes: each number has its own, so that all pixels move alike."""
        return squares


@dataclass(frozen=True)
class Fourier:
    """Waves across the whole image, slow ones larger, over colors that vary on their own, through a sigmoid into the range.

    Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007, section "Preconditioning and Parameterization". The
    numbers are the real and imaginary parts of the spectrum, (batch, height, width // 2 + 1, channels, 2), divided by the root
    of 1 / frequency. The slope by a number has that factor once, and the wave that a step of it makes once more: so along a
    slope each wave moves by 1 / frequency, which is how large it is in a natural image, and a pixel by about as much as a step
    of `Pixel` would move it.

    Attributes:
        shape: (height, width, channels).
        low, high: the input range.
    """

    shape: tuple[int, int, int]
    low: float
    high: float

    @property
    def span(self) -> float:
        """From black to white."""
        return self.high - self.low

    @property
    def reach(self) -> float:
        """What changes a pixel by the whole range, about."""
        return 1.0

    def parameters(self, images: np.ndarray) -> np.ndarray:
        """The numbers that make images, (batch, height, width, channels); black and white are taken a little less so."""
        parts = np.clip((images.astype("float64") - self.low) / self.span, EDGE, 1 - EDGE)
        waves = np.log(parts / (1 - parts)) @ np.linalg.inv(self._colors).T
        spectrum = np.fft.rfft2(waves, axes=(1, 2)) / self._sizes[:, :, None]
        return np.stack([spectrum.real, spectrum.imag], axis=-1)

    def images(self, parameters: Any) -> Any:
        """The images that numbers make."""
        height, width, _ = self.shape
        sizes = tf.constant(self._sizes, parameters.dtype)[None, None]
        parts = tf.transpose(parameters, [4, 0, 3, 1, 2]) * sizes  # (2, batch, channels, height, width // 2 + 1)
        waves = tf.signal.irfft2d(tf.complex(parts[0], parts[1]), [height, width])
        waves = tf.transpose(waves, [0, 2, 3, 1]) @ tf.constant(self._colors.T, parameters.dtype)
        return tf.clip_by_value(self.low + self.span * tf.sigmoid(waves), self.low, self.high)  # of rounding

    def kept(self, parameters: Any) -> Any:
        """The numbers as they are: the sigmoid keeps images within the range."""
        return parameters

    def paced(self, squares: Any) -> Any:
        """What a step divides by, squared, of squared slopes: one for all, so that waves of little worth move little.

        With one for each, every wave would move alike, and together they drive pixels to the wrong end of the sigmoid, from
        where no slope leads back.
        """
        return tf.zeros_like(squares) + tf.reduce_mean(squares, axis=list(range(1, squares.shape.rank)), keepdims=True)

    @property
    def _sizes(self) -> np.ndarray:
        """How large each wave is: the root of 1 / frequency, all so that steps of 1 move a pixel by about its range.

        A sigmoid's slope is at most 1 / 4, so its argument must move by 4.
        """
        height, width, _ = self.shape
        down, right = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
        sizes = np.maximum(np.hypot(down, right), 1 / max(height, width)) ** -0.5
        return 4 * height * width / np.sqrt(2 * (sizes**2).sum()) * sizes[:, : width // 2 + 1]

    @property
    def _colors(self) -> np.ndarray:
        """From channels that vary on their own to those of the image: three are red, green and blue."""
        channels = self.shape[-1]
        return COLORS / np.linalg.norm(COLORS, axis=0).max() if channels == 3 else np.eye(channels)


KINDS = {"pixel": Pixel, "fourier": Fourier}
