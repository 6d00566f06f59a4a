"""A table of numbers as colored cells: the kernels of a 1x1 convolution, the units of a layer along a sequence."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from visualize.plotting.color_bar import add_color_bar
from visualize.plotting.figure import DPI, ResultFigure, empty_figure
from visualize.plotting.source_picture import add_source, source_size
from visualize.plotting.strongest import Drawn
from visualize.plotting.tile_colors import TileScale
from visualize.plotting.tile_text import MARGIN, TileText

SIDE, MAX_CELL = 7.5, 0.26  # inches: the longer side of a table at most, and the side of a cell at most
MIN_WIDTH, MIN_SIDE = 5.0, 0.4  # inches of a figure and of a table
LEFT, ABOVE, FOOTER = 0.75, 0.12, 1.1  # inches around a table: numbers and what they are, the color bar
NUMBER_HEIGHT, NUMBER_WIDTH = 0.13, 0.32  # inches from one number to the next
MIN_CELL_PIXELS = 2  # smaller cells are averaged, as pixels of a picture are


def draw_table(drawn: Drawn, source: Image.Image | None) -> ResultFigure:
    """Draw the one tile as a table, its rows and columns numbered, with a color bar.

    Args:
        drawn: the rows and columns to draw.
        source: the picture that the numbers were computed from, or None.
    """
    rows, columns = drawn.tiles.pictures.shape[1:3]
    cell = min(MAX_CELL, SIDE / max(rows, columns))
    table_width, table_height = max(columns * cell, MIN_SIDE), max(rows * cell, MIN_SIDE)
    source_width, source_height = source_size(source)
    left = LEFT + (source_width + MARGIN if source else 0.0)
    width = max(MIN_WIDTH, left + table_width + 2 * MARGIN)
    text = TileText.of(drawn, width)
    height = text.above + ABOVE + max(table_height, source_height) + FOOTER + text.below
    figure = empty_figure(width, height)
    text.write(figure)
    top = height - text.above - ABOVE
    left += (width - left - 2 * MARGIN - table_width) / 2  # in the middle of the room that it has
    axes = figure.add_axes((left / width, (top - table_height) / height, table_width / width, table_height / height))
    scale = TileScale.of(drawn.tiles)
    _fill(axes, drawn, scale, (table_height / rows, table_width / columns))
    add_source(figure, source, top)
    add_color_bar(figure, scale, str(drawn.tiles.settings.get("unit", "")), text.below)
    return figure


def _fill(axes: Axes, drawn: Drawn, scale: TileScale, cell: tuple[float, float]) -> None:
    """Color the cells, of this height and width, and number as many rows and columns as there is room for."""
    smooth = "antialiased" if min(cell) * DPI < MIN_CELL_PIXELS else "nearest"
    colors = {"cmap": scale.scale.colormap, "vmin": scale.scale.low, "vmax": scale.scale.high}
    axes.imshow(drawn.tiles.pictures[0, ..., 0], aspect="auto", interpolation=smooth, **colors)
    row_step, column_step = (_step(room, side) for room, side in zip((NUMBER_HEIGHT, NUMBER_WIDTH), cell, strict=True))
    axes.set_yticks(range(0, len(drawn.rows), row_step), _numbers(drawn.rows[::row_step]), fontsize=6)
    axes.set_xticks(range(0, len(drawn.columns), column_step), _numbers(drawn.columns[::column_step]), fontsize=6)
    axes.tick_params(length=2, pad=1, width=0.5)
    row_name, column_name = drawn.tiles.display.axes
    axes.set_ylabel(row_name, fontsize=8)
    axes.set_xlabel(column_name, fontsize=8, labelpad=2)


def _step(room: float, side: float) -> int:
    """How many cells of this side one number needs the room of."""
    return max(1, int(np.ceil(room / side)))


def _numbers(numbers: np.ndarray) -> list[str]:
    return [str(number) for number in numbers]
