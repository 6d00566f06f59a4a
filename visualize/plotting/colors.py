"""From values to colors: scales with zero where it belongs, and pictures as red, green and blue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """How values become colors.

    Attributes:
        low, high: the values at the ends.
        colormap: name of a matplotlib colormap: diverging about zero for signed values, else sequential from zero.
        note: what a reader must know, such as that every value is zero; "" where there is nothing.
    """

    low: float
    high: float
    colormap: str
    note: str = ""


def scale_of(values: np.ndarray, *, signed: bool) -> Scale:
    """The scale for values that are drawn together, from zero or symmetric about zero to the largest magnitude."""
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max(initial=0.0))
    note = "" if largest > 0 else "all zero"
    if finite.size < values.size:
        note = "not finite" if not finite.size else "partly not finite"
    elif not note and values.min() == values.max():
        note = f"constant, {values.flat[0]:.3g}"
    largest = largest or 1.0
    if signed:
        return Scale(-largest, largest, "RdBu_r", note)
    return Scale(0.0, largest, "inferno", note)


def as_rgb(pictures: np.ndarray, input_range: Sequence[float] | None) -> np.ndarray:
    """Pictures in a model's range as red, green and blue in 0..1.

    Args:
        pictures: (..., height, width, channels). Three channels are colors; of any other number the mean is a gray level.
        input_range: what black and white are. Without it they are the darkest and the brightest value of each picture.

    Returns:
        (..., height, width, 3) float64.
    """
    pictures = np.asarray(pictures, "float64")
    axes = tuple(range(pictures.ndim - 3, pictures.ndim))
    if input_range is None:
        low, high = pictures.min(axis=axes, keepdims=True), pictures.max(axis=axes, keepdims=True)
    else:
        low, high = np.array(input_range[0]), np.array(input_range[1])
    scaled = np.clip((pictures - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    if scaled.shape[-1] == 3:
        return scaled
    return np.repeat(scaled.mean(axis=-1, keepdims=True), 3, axis=-1)


def to_bytes(levels: np.ndarray) -> np.ndarray:
    """Levels in 0..1 as uint8 in 0..255."""
    return (255 * levels).round().astype("uint8")
