"""Spectrum: how large each wave is in natural images, which MaCo keeps.

Fel et al. (2023), "Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization",
arXiv:2306.06805, section 3. The size of a wave is the mean over pictures of the magnitude of their Fourier transform, here in
decorrelated colors and as a part of the input range: it is the same for a model of any range.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from visualize._utils.validation import received
from visualize.data.images import picture_files, read_picture
from visualize.errors import InputError
from visualize.feature_visualization.colors import color_matrix

SHIPPED = Path(__file__).with_name("natural_spectrum.npz")  # what it was computed from stands in natural_spectrum.md
SIDE = 256  # of the squares that the shipped spectrum was computed from


def spectrum_from_pictures(pictures: Any, shape: tuple[int, int, int], input_range: tuple[float, float]) -> np.ndarray:
    """The size of each wave in pictures that a user gives, (height, width // 2 + 1, channels).

    Args:
        pictures: files, folders or patterns, one or several; or (batch, height, width, channels) in the input range. The
            largest part of the proportions of `shape` around the center of each is brought to that size.
        shape: (height, width, channels) of the images to make.
        input_range: lowest and highest value of a pixel.

    Raises:
        InputError: there are no pictures, or one cannot be read or has another shape.
    """
    if isinstance(pictures, str | Path):
        pictures = [pictures]
    if isinstance(pictures, list | tuple) and pictures and all(isinstance(path, str | Path) for path in pictures):
        photographs = (read_picture(path, channels=shape[-1]) for path in picture_files(pictures))
        return mean_spectrum((_fitted(photograph, shape) for photograph in photographs), shape)
    low, high = input_range
    arrays = np.asarray(pictures)
    if arrays.shape[1:] != shape or not len(arrays) or arrays.dtype.kind not in "fiub":
        raise InputError(
            "`spectrum_from` must be files of pictures, or an array of them, (batch, "
            f"{', '.join(map(str, shape))}). Received: {received(pictures) if arrays.ndim < 2 else arrays.shape}."
        )
    return mean_spectrum(((picture.astype("float64") - low) / (high - low) for picture in arrays), shape)


def natural_spectrum(shape: tuple[int, int, int]) -> np.ndarray:
    """The size of each wave in the photographs behind the shipped file, (height, width // 2 + 1, channels).

    Up to 128 cycles per picture they are as measured, along each axis; beyond, a wave is as large as the nearest that was
    measured, divided by how many times as fast it is.

    Args:
        shape: (height, width, channels); 1 channel is brightness.

    Raises:
        InputError: channels that are neither gray nor colors.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise InputError(
            "`spectrum_from` must be given for pictures that are neither gray nor red, green and blue. "
            f"Received: {channels} channels."
        )
    with np.load(SHIPPED) as file:
        measured = file["spectrum"].astype("float64")  # (cycles down, cycles right, channels)
    if channels == 1:  # gray is the mean of red, green and blue
        measured = measured[..., :1] * color_matrix(3)[:, 0].mean()
    fastest = len(measured) - 1
    down = np.abs(np.fft.fftfreq(height, 1 / height))[:, None] + np.zeros(width // 2 + 1)
    right = np.arange(width // 2 + 1) + np.zeros((height, 1))
    times = np.maximum(1, np.maximum(down, right) / fastest)
    nearest = measured[np.rint(down / times).astype(int), np.rint(right / times).astype(int)]
    return height * width * nearest / times[..., None]


def mean_spectrum(pictures: Iterable[np.ndarray], shape: tuple[int, int, int]) -> np.ndarray:
    """The mean magnitude of each wave, (height, width // 2 + 1, channels), of pictures of `shape` in 0..1."""
    height, width, channels = shape
    total, count = np.zeros((height, width // 2 + 1, channels)), 0
    decorrelate = np.linalg.inv(color_matrix(channels)).T
    for picture in pictures:  # one at a time: there may be thousands
        total += np.abs(np.fft.rfft2((picture - 0.5) @ decorrelate, axes=(0, 1)))
        count += 1
    return total / count


def measured_spectrum(photographs: Sequence[np.ndarray]) -> np.ndarray:
    """What the shipped file holds: the size of waves by their cycles per picture, (129, 129, 3) float16.

    Args:
        photographs: (height, width, 3) uint8 each. Of each the squares at both ends and in the middle are taken, and their
            mirror images.
    """
    squares = (_fitted(square, (SIDE, SIDE, 3)) for photograph in photographs for square in _squares(photograph))
    spectrum = mean_spectrum(squares, (SIDE, SIDE, 3)) / SIDE**2
    mirrored = np.roll(spectrum[::-1], 1, axis=0)  # of the pictures upside down, or left to right
    return ((spectrum + mirrored) / 2)[: SIDE // 2 + 1].astype("float16")


def _squares(photograph: np.ndarray) -> list[np.ndarray]:
    """The squares at both ends of the longer side and in its middle."""
    height, width = photograph.shape[:2]
    side = min(height, width)
    corners = [(part * (height - side) // 2, part * (width - side) // 2) for part in range(3)]
    return [photograph[top : top + side, left : left + side] for top, left in corners]


def _fitted(picture: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The largest part of bytes around their center with the proportions of `shape`, brought to that size, in 0..1."""
    height, width, _ = shape
    scale = min(picture.shape[0] / height, picture.shape[1] / width)
    top, left = (picture.shape[0] - scale * height) / 2, (picture.shape[1] - scale * width) / 2
    box = (left, top, left + scale * width, top + scale * height)
    planes = [Image.fromarray(plane) for plane in np.moveaxis(picture, -1, 0)]
    fitted = [plane.resize((width, height), Image.Resampling.BICUBIC, box=box) for plane in planes]
    return np.stack([np.asarray(plane) for plane in fitted], axis=-1) / 255
