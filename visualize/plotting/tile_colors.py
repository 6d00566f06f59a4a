"""From tiles to colors: one scale for all of them, or one for each where their sizes differ too much."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib import colormaps

from visualize.plotting.colors import Scale, as_rgb, scale_of, to_bytes
from visualize.results import Tiles

CLIP = 99.5  # percentile of |value| at the end of a scale, so that one pixel cannot blacken a tile
MIN_CLIPPED = 200  # values: of fewer, half a percent is less than one
OWN_BELOW = 0.4  # if a quarter of the tiles reach less than this part of a common scale, each has a scale of its own
OPAQUE = 80  # percentile of the saliency of a maximized input, from which on it does not fade
NEARLY_ZERO = 1e-4  # of the strongest tile: rounding errors are not worth a scale of their own


@dataclass(frozen=True, eq=False)
class TileScale:
    """How the values of tiles become colors.

    Attributes:
        scale: of all tiles together.
        ends: (tiles,) the value at the end of the scale of each; the same for all where they share one.
        own: whether each tile has its own.
        largest: the largest magnitude of all, which a common scale may not reach.
    """

    scale: Scale
    ends: np.ndarray
    own: bool
    largest: float

    @classmethod
    def of(cls, tiles: Tiles) -> TileScale:
        """The scale for these tiles."""
        scale = scale_of(tiles.pictures, signed=tiles.signed)
        largest = float(np.abs(np.nan_to_num(tiles.pictures, posinf=0.0, neginf=0.0)).max(initial=0.0))
        common = robust_end(tiles.pictures) or largest or 1.0
        scale = replace(scale, low=-common if scale.low < 0 else 0.0, high=common)
        ends = np.array([robust_end(picture) for picture in tiles.pictures])
        own = not tiles.display.shared_scale and _differ(ends, common)
        return cls(scale, ends if own else np.full(len(ends), common), own, largest)

    def is_blank(self, index: int) -> bool:
        """Whether a tile holds nothing but zeros and rounding errors."""
        return bool(self.ends[index] <= NEARLY_ZERO * self.ends.max())

    @property
    def is_clipped(self) -> bool:
        """Whether values lie beyond the end of the common scale."""
        return not self.own and self.scale.high < self.largest

    def caption(self, caption: str, index: int) -> str:
        """A caption that also says where the scale of its tile ends, if that is its own."""
        if not self.own:
            return caption
        end = self.ends[index]
        return f"{caption}: {'zero' if not end else 'nearly 0' if self.is_blank(index) else f'{self.sign}{end:.2g}'}"

    @property
    def sign(self) -> str:
        """What stands before the end of a scale."""
        return "\u00b1" if self.scale.low < 0 else "max "


def robust_end(values: np.ndarray) -> float:
    """The 99.5th percentile of |value|; of fewer than 200 values, or where that is zero, the largest."""
    magnitudes = np.abs(values[np.isfinite(values)])
    if not magnitudes.size:
        return 0.0
    end = float(np.percentile(magnitudes, CLIP)) if magnitudes.size >= MIN_CLIPPED else 0.0
    return end or float(magnitudes.max())


def are_pictures(tiles: Tiles) -> bool:
    """Whether the tiles are inputs of the model, whose colors are their own."""
    return tiles.method == "maximize" or (tiles.pictures.shape[-1] == 3 and not tiles.signed)


def colored(tiles: Tiles, scale: TileScale | None) -> np.ndarray:
    """Tiles as (tiles, height, width, 3) uint8: on their scales, or without one as pictures.

    Kernels over red, green and blue are colors about gray, which is zero.
    """
    if scale is None:
        pictures = as_rgb(tiles.pictures, tiles.settings.get("input_range"))
        if tiles.display.alpha == "saliency" and tiles.saliency is not None:
            pictures = _faded(pictures, tiles.saliency)
        return to_bytes(pictures)
    ends = np.array(
        [(scale.ends.max() or 1.0) if scale.is_blank(index) else end for index, end in enumerate(scale.ends)]
    ).reshape(-1, 1, 1, 1)
    levels = tiles.pictures / ends
    if tiles.pictures.shape[-1] == 3:
        return to_bytes(as_rgb(levels, (-1.0, 1.0)))
    levels = (levels[..., 0] + 1) / 2 if scale.scale.low < 0 else levels[..., 0]
    return colormaps[scale.scale.colormap](levels, bytes=True)[..., :3]


def _faded(pictures: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Pictures in 0..1 on white, as opaque as their saliency: all of it from the 80th percentile of each on."""
    opaque = np.maximum(np.percentile(saliency, OPAQUE, axis=(1, 2), keepdims=True), np.finfo("float32").tiny)
    alpha = np.minimum(1, saliency / opaque)[..., None]
    return 1 - alpha * (1 - pictures)


def _differ(ends: np.ndarray, common: float) -> bool:
    """Whether a common scale would leave a quarter of the tiles that hold anything nearly blank."""
    ends = ends[ends > NEARLY_ZERO * ends.max(initial=0.0)]
    return len(ends) > 1 and float(np.quantile(ends, 0.25)) < OWN_BELOW * common
