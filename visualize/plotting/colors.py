"""From values to colors: scales with zero where it belongs, and pictures as red, green and blue."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps

from visualize.errors import InputError

SIGNED, UNSIGNED = "RdBu_r", "inferno"  # both can be told apart by the color-blind, and are even to the eye
MOST_SAMPLES = 2**22  # values of one map among which a percentile is looked for
WORTH_CLIPPING = 0.9  # a clip that leaves more than this of the largest magnitude is left out
OVERLAY_OPACITY = 0.85  # of the largest magnitude
SATURATED = (0.5, 0.92)  # of each half of diverging colors: nearer to zero they are white, at the ends almost black
GRAY_WEIGHTS = (0.2126, 0.7152, 0.0722)  # of red, green and blue in luminance, Rec. 709


@dataclass(frozen=True)
class Scale:
    """How values become colors.

    Attributes:
        low, high: the values at the ends.
        colormap: name of a matplotlib colormap: diverging about zero for signed values, else sequential from zero.
        note: what a reader must know, such as that every value is zero; "" where there is nothing.
        largest: the largest magnitude; above `high` where the colors are clipped.
    """

    low: float
    high: float
    colormap: str
    note: str = ""
    largest: float = 0.0

    @property
    def is_clipped(self) -> bool:
        """Whether some values lie beyond the ends."""
        return self.largest > self.high


def scale_of(values: np.ndarray, *, signed: bool, clip: float = 100.0, colormap: str | None = None) -> Scale:
    """The scale for values that are drawn together, from zero or symmetric about zero.

    Args:
        values: of any shape.
        signed: whether zero is the middle.
        clip: percent of the values, by magnitude, at which it ends; 100 for the largest magnitude. A clip that would leave
            more than 90 % of that, or nothing, is left out.
        colormap: name of a colormap of matplotlib; None for the default.
    """
    finite = values if np.isfinite(values).all() else values[np.isfinite(values)]
    largest = max(float(finite.max()), -float(finite.min()), 0.0) if finite.size else 0.0
    note = "" if largest > 0 else "all zero"
    if finite.size < values.size:
        note = "not finite" if not finite.size else "partly not finite"
    elif not note and values.min() == values.max():
        note = f"constant, {values.flat[0]:.3g}"
    end = _clipped(finite, clip, largest) or 1.0
    if colormap is None:
        colormap = SIGNED if signed else UNSIGNED
    return Scale(-end if signed else 0.0, end, colormap, note, largest)


def overlaid(values: np.ndarray, scale: Scale, picture: np.ndarray) -> np.ndarray:
    """A map over a picture in gray: the larger a magnitude, the less of the picture is seen through its color.

    Signed values have the saturated colors of their scale alone: white would wash out a picture, and dark red cannot be told
    from a shadow.

    Args:
        values: (height, width); where they are NaN, nothing covers the picture, which is dimmed.
        scale: of the values.
        picture: (height, width, 3) in 0..1.

    Returns:
        (height, width, 3) in 0..1.
    """
    gray = (picture @ np.array(GRAY_WEIGHTS, picture.dtype))[..., None]
    unknown = np.isnan(values)
    values = np.where(unknown, 0.0, values)
    magnitudes = np.clip(np.abs(values) / scale.high, 0.0, 1.0)
    if scale.low < 0:
        values = np.sign(values) * scale.high * (SATURATED[0] + (SATURATED[1] - SATURATED[0]) * magnitudes)
    colors, opacity = colored(values, scale), OVERLAY_OPACITY * magnitudes[..., None]
    drawn = np.where(unknown[..., None], 0.4 * gray + 0.6, gray * (1 - opacity) + colors * opacity)
    return np.clip(drawn, 0.0, 1.0)  # the weights of a gray add up to 1 and a rounding error


def colored(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Values as red, green and blue in 0..1, (..., 3) float32; white where they are NaN."""
    levels = np.clip((values - scale.low) / (scale.high - scale.low), 0.0, 1.0)
    colors = colormaps[scale.colormap](np.nan_to_num(levels))[..., :3].astype("float32")
    return np.where(np.isnan(levels)[..., None], np.float32(1), colors)


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


def _clipped(finite: np.ndarray, clip: float, largest: float) -> float:
    """The magnitude at which colors end."""
    if clip >= 100 or not largest:
        return largest
    samples = np.abs(finite.ravel()[:: -(-finite.size // MOST_SAMPLES)])
    end = float(np.percentile(samples, clip))
    return end if 0 < end < WORTH_CLIPPING * largest else largest


def check_colormap(name: object) -> None:
    """Refuse what is no name of a colormap of matplotlib.

    Raises:
        InputError: it is not.
    """
    if not isinstance(name, str) or name not in colormaps:
        near = difflib.get_close_matches(str(name), list(colormaps), n=4)
        choices = f" Nearest: {', '.join(near)}." if near else " See matplotlib's gallery of colormaps."
        raise InputError(f"`colormap` must be one of matplotlib's. Received: {name!r}.{choices}")
