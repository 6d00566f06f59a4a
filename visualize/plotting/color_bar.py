"""The color bar below tiles: what their colors mean."""

from __future__ import annotations

import numpy as np

from visualize.plotting.figure import ResultFigure
from visualize.plotting.tile_colors import CLIP, TileScale

WIDTH, HEIGHT = 3.0, 0.09  # inches


def add_color_bar(figure: ResultFigure, tile_scale: TileScale, unit: str, below: float = 0.0) -> None:
    """Add the colors of tiles from end to end of their scale, with the unit, at this height above the lower edge."""
    scale = tile_scale.scale
    width, height = figure.get_size_inches()
    bar = min(WIDTH, width - 1.0)
    axes = figure.add_axes(((width - bar) / 2 / width, (0.4 + below) / height, bar / width, HEIGHT / height))
    levels = np.linspace(scale.low, scale.high, 256)[None]
    axes.imshow(levels, cmap=scale.colormap, aspect="auto", extent=(scale.low, scale.high, 0, 1))
    ticks = [scale.low, 0.0, scale.high] if scale.low < 0 else [scale.low, scale.high]
    axes.set_xticks(ticks, _labels(tile_scale, ticks), fontsize=7)
    axes.set_yticks([])
    axes.set_xlabel(_explained(tile_scale, unit), fontsize=7, labelpad=1)
    if scale.note:
        figure.text(0.5, (0.52 + below) / height, scale.note, ha="center", va="bottom", fontsize=8)


def _labels(tile_scale: TileScale, ticks: list[float]) -> list[str]:
    """The numbers at the ends of the bar; signs where each tile has numbers of its own."""
    if not tile_scale.own:
        return [f"{tick:.2g}" for tick in ticks]
    return ["\u2212", "0", "+"] if len(ticks) == 3 else ["0", "max"]


def _explained(tile_scale: TileScale, unit: str) -> str:
    """The unit, and how the scale was chosen where that is not plain."""
    if tile_scale.own:
        return f"{unit}, each tile on its own scale, which ends at the number above it"
    if tile_scale.is_clipped:
        return f"{unit}, clipped at {CLIP:g} %: {tile_scale.scale.high:.2g} of max {tile_scale.largest:.2g}"
    return unit
