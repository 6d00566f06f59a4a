"""Tiles as a grid: kernels, channels, maximized inputs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from PIL import Image

from visualize.errors import InputError
from visualize.plotting.color_bar import add_color_bar
from visualize.plotting.figure import DPI, NARROW, ResultFigure, empty_figure
from visualize.plotting.grid_layout import NARROW_POINTS, GridLayout
from visualize.plotting.number_table import draw_table
from visualize.plotting.source_picture import source_picture, source_size
from visualize.plotting.strongest import Drawn, drawn_part, has_bars
from visualize.plotting.text import fits
from visualize.plotting.tile_colors import TileScale, are_pictures, colored
from visualize.plotting.tile_text import MARGIN, TileText
from visualize.plotting.unit_bars import draw_bars
from visualize.results import Tiles

EDGE = (190, 190, 190)  # gray frame of a tile
NARROW_COLUMNS = 4  # of a narrow figure with short captions; half as many for long ones


def draw_tiles(tiles: Tiles, *, narrow: bool = False) -> ResultFigure:
    """Draw the tiles as a grid, with a color bar where colors mean values; a table of numbers as one, units as bars.

    Tiles share one scale unless a quarter of them would be nearly blank on it; then each has its own, whose end its caption
    says. All tiles together are one image of the figure: axes for each of two thousand kernels would take half a minute.

    Args:
        tiles: the strongest of many are drawn; a line below the heading says which.
        narrow: whether the figure is `NARROW` inches wide: for separate tiles alone.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    drawn = drawn_part(tiles)
    source = source_picture(tiles)
    if has_bars(tiles):
        return draw_bars(drawn, source)
    if len(tiles.display.axes) == 2 and tiles.display.axes[0]:
        return draw_table(drawn, source)
    return _draw_grid(drawn, source, narrow_columns(drawn.tiles) if narrow else None)


def columns_of(tiles: Tiles) -> int:
    """How many tiles are in one row: what the result says, else about as many as there are rows."""
    count = len(tiles.pictures)
    if tiles.display.columns is not None:
        return min(tiles.display.columns, count)
    return count if count <= 5 else 5 if count == 10 else math.ceil(math.sqrt(count))


def can_be_narrow(tiles: Tiles) -> bool:
    """Whether the tiles can be drawn in a narrow figure: separate ones, without a picture beside them."""
    display, is_separate = tiles.display, tiles.method in ("filters", "maximize")
    return is_separate and not display.axes and (display.columns or 0) <= NARROW_COLUMNS


def narrow_columns(tiles: Tiles) -> int:
    """How many tiles are in one row of a narrow figure: as many as leave room for the captions."""
    room = (NARROW - 2 * MARGIN) / NARROW_COLUMNS
    most = NARROW_COLUMNS if all(fits(caption, room, NARROW_POINTS) for caption in tiles.captions) else NARROW_COLUMNS // 2
    return min(tiles.display.columns or most, most, len(tiles.pictures))


def _draw_grid(drawn: Drawn, source: Image.Image | None, narrow_columns: int | None) -> ResultFigure:
    tiles = drawn.tiles
    scale = None if are_pictures(tiles) else TileScale.of(tiles)
    captions = [scale.caption(text, index) if scale else text for index, text in enumerate(tiles.captions)]
    layout = GridLayout.of(
        tiles.pictures.shape[1:3],
        captions,
        narrow_columns or columns_of(tiles),
        source_size=source_size(source),
        numbered=len(drawn.columns) > 0,
        narrow=narrow_columns is not None,
    )
    text = TileText.of(drawn, layout.width)
    layout = replace(layout, above=text.above, below=text.below)
    figure = empty_figure(layout.width, layout.height)
    text.write(figure)
    _add_captions(figure, layout)
    _add_numbers(figure, layout, drawn)
    axes = figure.add_axes((0, 0, 1, 1), zorder=-1)
    axes.axis("off")
    axes.imshow(_sheet(layout, colored(tiles, scale), source), interpolation="nearest", aspect="auto")
    if scale is None or tiles.pictures.shape[-1] == 3:
        _add_legend(figure, tiles, scale, layout.below)
    else:
        add_color_bar(figure, scale, str(tiles.settings.get("unit", "")), layout.below)
    return figure


def _sheet(layout: GridLayout, pictures: np.ndarray, source: Image.Image | None) -> np.ndarray:
    """All tiles and their source on white, (height, width, 3) uint8, each pixel of it a pixel of the figure."""
    sheet = Image.new("RGB", (round(layout.width * DPI), round(layout.height * DPI)), "white")
    if source is not None:
        _paste(sheet, source, layout.source_corner, layout.source_size)
    for index, picture in enumerate(pictures):
        _paste(sheet, Image.fromarray(picture), layout.corner(index), (layout.tile_width, layout.tile_height))
    return np.asarray(sheet)


def _paste(sheet: Image.Image, picture: Image.Image, corner: tuple[float, float], size: tuple[float, float]) -> None:
    """Put a picture at (left, top) inches with a thin edge, each of its pixels a sharp square where there is room for it."""
    left, top = (round(inches * DPI) for inches in corner)
    width, height = (max(1, round(inches * DPI)) for inches in size)
    smaller = width < picture.width or height < picture.height
    resampling = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    sheet.paste(EDGE, (left - 1, top - 1, left + width + 1, top + height + 1))
    sheet.paste(picture.resize((width, height), resampling), (left, top))


def _add_captions(figure: ResultFigure, layout: GridLayout) -> None:
    """Write a caption above each tile."""
    for index, lines in enumerate(layout.captions):
        left, top = layout.corner(index)
        x, y = (left + layout.tile_width / 2) / layout.width, 1 - (top - 0.03) / layout.height
        text = "\n".join(lines)
        figure.text(x, y, text, ha="center", va="bottom", fontsize=layout.caption_points, linespacing=1.1)


def _add_numbers(figure: ResultFigure, layout: GridLayout, drawn: Drawn) -> None:
    """Write the numbers of a grid's rows and columns, or those of some units below a layer without spatial positions."""
    if any(layout.grid_numbers):
        left, top = layout.corner(0)
        for row, number in enumerate(drawn.rows):
            y = 1 - (layout.corner(row * layout.columns)[1] + layout.tile_height / 2) / layout.height
            figure.text((left - 0.06) / layout.width, y, str(number), ha="right", va="center", fontsize=6)
        for column, number in enumerate(drawn.columns):
            x = (layout.corner(column)[0] + layout.tile_width / 2) / layout.width
            figure.text(x, 1 - (top - 0.03) / layout.height, str(number), ha="center", va="bottom", fontsize=6)
    if layout.unit_numbers:
        units, (left, top) = drawn.tiles.pictures.shape[2], layout.corner(0)
        y = 1 - (top + layout.tile_height + 0.04) / layout.height
        for unit in range(0, units, max(1, math.ceil(units / 16))):
            x = (left + layout.tile_width * (unit + 0.5) / units) / layout.width
            figure.text(x, y, str(unit), ha="center", va="top", fontsize=7)


def _add_legend(figure: ResultFigure, tiles: Tiles, scale: TileScale | None, below: float) -> None:
    """Say what the gray levels or the colors of pictures mean."""
    unit = tiles.settings.get("unit", "")
    if scale is not None:
        end = "the number above each" if scale.own else f"\u00b1{scale.scale.high:.2g}"
        text = f"{unit}: gray is 0, full color is {end}" if scale.largest else f"{unit}: all zero"
    else:
        if tiles.settings.input_range is None:
            raise InputError("Tiles that are not signed must state `input_range`, their black and white. Received: None.")
        low, high = tiles.settings.input_range
        text = f"{unit}: black {low:.3g}, white {high:.3g}; {tiles.settings['score']} above each"
    if tiles.display.alpha == "saliency":
        text += "; faded where pixels mattered little"
    figure.text(0.5, (0.22 + below) / figure.get_figheight(), text, ha="center", va="center", fontsize=8)
