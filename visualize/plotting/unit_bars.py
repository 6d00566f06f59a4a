"""Units of a layer as bars: the likeliest classes by name, or the strongest units by number."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from visualize.plotting.figure import ResultFigure, empty_figure
from visualize.plotting.source_picture import add_source, source_size
from visualize.plotting.strongest import Drawn
from visualize.plotting.text import fitted
from visualize.plotting.tile_text import MARGIN, TileText

ROW, BAR = 0.21, 0.7  # inches from one bar to the next, and the part of them that is colored
BARS_WIDTH, NUMBER_WIDTH = 3.2, 0.75  # inches: of the longest bar, and for the number behind it
MIN_NAMES, MAX_NAMES, NAMES_GAP = 0.6, 2.6, 0.1  # inches for the names, and between them and the bars
FOOTER = 0.45  # inches
SIZE = 8  # points
POSITIVE, NEGATIVE = "#b2182b", "#2166ac"  # as the ends of the diverging colors of maps
ONE_SIGN = "#4c72b0"  # where nothing is below zero


def draw_bars(drawn: Drawn, source: Image.Image | None) -> ResultFigure:
    """Draw a bar for each unit, with its name or number and its value.

    Args:
        drawn: the units to draw.
        source: the picture that they were computed from, or None.
    """
    tiles = drawn.tiles
    values = tiles.pictures[0, 0, :, 0][drawn.columns]
    names = _names(drawn)
    names_width = max((_inches(name) for name in names), default=MIN_NAMES)
    source_width, source_height = source_size(source)
    left = MARGIN + (source_width + 2 * MARGIN if source else 0.0) + names_width + NAMES_GAP
    width, bars_height = left + BARS_WIDTH + NUMBER_WIDTH + MARGIN, len(values) * ROW
    text = TileText.of(drawn, width)
    height = text.above + max(bars_height, source_height) + FOOTER + text.below
    figure = empty_figure(width, height)
    text.write(figure)
    top = height - text.above
    bars = (left / width, (top - bars_height) / height, (BARS_WIDTH + NUMBER_WIDTH) / width, bars_height / height)
    _draw(figure.add_axes(bars), values, [fitted(name, names_width, SIZE) for name in names], signed=tiles.signed)
    add_source(figure, source, top)
    unit, middle = str(tiles.settings.get("unit", "")), (left + BARS_WIDTH / 2) / width
    figure.text(middle, (top - bars_height - 0.14) / height, unit, ha="center", va="center", fontsize=SIZE)
    return figure


def _draw(axes: Axes, values: np.ndarray, names: list[str], *, signed: bool) -> None:
    """Draw the bars, their names to the left and their values behind them."""
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype("float64")
    low, high = min(finite.min(initial=0.0), 0.0), max(finite.max(initial=0.0), 0.0)
    span = (high - low) or 1.0
    positions = list(range(len(values)))
    colors = [NEGATIVE if value < 0 else POSITIVE if signed else ONE_SIGN for value in finite]
    axes.barh(positions, finite, height=BAR, color=colors)
    axes.axvline(0, color="0.3", linewidth=0.8)
    for position, value, length in zip(positions, values, finite, strict=True):
        axes.text(max(length, 0.0) + 0.02 * span, position, f"{value:.3g}", fontsize=SIZE - 1, va="center")
    axes.set_xlim(low, low + span * (BARS_WIDTH + NUMBER_WIDTH) / BARS_WIDTH)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks(positions, names, fontsize=SIZE)
    axes.tick_params(length=0, pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _names(drawn: Drawn) -> list[str]:
    """What each unit is called."""
    names = drawn.tiles.settings.class_names
    return [f"unit {unit}" if names is None else str(names[unit]) for unit in drawn.columns]


def _inches(name: str) -> float:
    """The room that a name needs at the size of the labels, up to the most that one gets."""
    inches = MIN_NAMES
    while inches < MAX_NAMES and fitted(name, inches, SIZE) != name:
        inches += 0.1
    return inches
