"""Scales: from signed values to colors, with zero where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """How values become colors.

    Attributes:
        low, high: the values at the ends.
        colors: name of a matplotlib colormap: diverging about zero for signed values, sequential from zero else.
        note: what a reader must be told, such as that every value is zero; "" where there is nothing.
    """

    low: float
    high: float
    colors: str
    note: str = ""


def scale_of(values: np.ndarray, *, signed: bool) -> Scale:
    """The scale for values that are drawn together."""
    finite = values[np.isfinite(values)]
    most = float(np.abs(finite).max(initial=0.0))
    note = "" if most > 0 else "all zero"
    if finite.size < values.size:
        note = "not finite" if not finite.size else "partly not finite"
    elif not note and values.min() == values.max():
        note = f"constant, {values.flat[0]:.3g}"
    most = most or 1.0
    if signed:
        return Scale(-most, most, "RdBu_r", note)
    return Scale(0.0, most, "inferno", note)


def as_rgb(pictures: np.ndarray, input_range: Sequence[float] | None) -> np.ndarray:
    """Pictures in a model's range as red, green and blue in 0..1; (..., 1 or 3) becomes (..., 3).

    Without a known range the darkest and brightest value of each picture are its black and white.
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
