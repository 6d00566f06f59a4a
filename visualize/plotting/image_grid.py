"""Tiles as a grid: kernels, channels, maximized inputs."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from visualize.plotting.colors import Scale, as_rgb, scale_of
from visualize.plotting.sizes import empty_figure
from visualize.plotting.text import fitted
from visualize.results import Tiles

DPI = 120
MOST_SIDE = 64  # rows or columns of tiles in one figure; more could not be told apart
MOST_CAPTIONS = 144  # more tiles than this stand without captions
MARGIN, HEADING, FOOT = 0.15, 0.42, 0.62  # inches
SOURCE = 1.6  # inches: the longer side of the picture that the tiles were made of
LINE = (9.0, 0.5)  # of the units of a layer without maps
MOST_ASPECT = 8.0
EDGE = (190, 190, 190)


def draw_tiles(tiles: Tiles) -> Figure:
    """A grid of the tiles on one scale, with a color bar where colors mean values.

    All tiles are one picture on the figure: axes for each of two thousand kernels would take half a minute.
    """
    shown, captions, columns, cut = _shown(tiles)
    rows = math.ceil(len(shown) / columns)
    is_line = shown.shape[1] == 1 and shown.shape[2] > MOST_ASPECT
    tile_width, tile_height = LINE if is_line else _tile_size(shown, max(rows, columns))
    gap = 0.06 if max(rows, columns) <= 24 else 0.03
    size = 8 if tile_width > 1.2 else 7
    if any(fitted(one, tile_width + gap, size) != one for one in captions[:MOST_CAPTIONS]):
        size = 6
    caption = size / 72 + 0.06 if len(shown) <= MOST_CAPTIONS else 0.0
    source, source_size = _source(tiles)
    left_of_grid = MARGIN + (source_size[0] + 2 * MARGIN if source else 0.0)
    grid_width = columns * (tile_width + gap) - gap
    width = max(left_of_grid + grid_width + MARGIN, 4.2)
    grid_height = rows * (tile_height + caption + gap)
    height = HEADING + max(grid_height + (0.2 if is_line else 0.0), caption + source_size[1] + gap) + FOOT
    width, height = math.ceil(width * DPI) / DPI, math.ceil(height * DPI) / DPI
    left_of_grid += (width - MARGIN - left_of_grid - grid_width) / 2
    figure = empty_figure(width, height, DPI)
    epoch = f"epoch {tiles.settings['epoch']}: " if "epoch" in tiles.settings else ""
    heading = fitted(epoch + _heading(tiles, cut), width - 2 * MARGIN, 11.5)
    figure.text(0.5, 1 - 0.22 / height, heading, ha="center", va="center", fontsize=10, fontweight="bold")

    scale = None if _as_picture(tiles) else scale_of(shown, signed=tiles.signed)
    sheet = Image.new("RGB", (round(width * DPI), round(height * DPI)), "white")
    if source:
        _paste(sheet, source, (MARGIN, HEADING + caption), source_size)
    for index, picture in enumerate(_colored(shown, tiles, scale)):
        row, column = divmod(index, columns)
        left = left_of_grid + column * (tile_width + gap)
        top = HEADING + row * (tile_height + caption + gap) + caption
        _paste(sheet, Image.fromarray(picture), (left, top), (tile_width, tile_height))
        if caption:
            text = fitted(captions[index], tile_width + gap, size)
            figure.text(
                (left + tile_width / 2) / width, 1 - (top - 0.03) / height, text, ha="center", va="bottom", fontsize=size
            )
    if is_line:
        _unit_numbers(figure, left_of_grid, HEADING + caption + tile_height, shown.shape[2])
    axes = figure.add_axes((0, 0, 1, 1), zorder=-1)
    axes.axis("off")
    axes.imshow(np.asarray(sheet), interpolation="nearest", aspect="auto")
    _foot(figure, tiles, scale)
    return figure


def columns_of(tiles: Tiles) -> int:
    """How many tiles stand in a row: as the result says, else about as many as there are rows."""
    if "columns" in tiles.settings:
        return min(int(tiles.settings["columns"]), len(tiles.pictures))
    count = len(tiles.pictures)
    return count if count <= 5 else 5 if count == 10 else math.ceil(math.sqrt(count))


def _shown(tiles: Tiles) -> tuple[np.ndarray, list[str], int, str]:
    """The tiles that fit into one figure, their captions, the columns, and a word on what was left out."""
    pictures, captions, columns = tiles.pictures, list(tiles.captions), columns_of(tiles)
    rows = math.ceil(len(pictures) / columns)
    if rows <= MOST_SIDE and columns <= MOST_SIDE:
        return pictures, captions, columns, ""
    keep = [
        row * columns + column
        for row in range(min(rows, MOST_SIDE))
        for column in range(min(columns, MOST_SIDE))
        if row * columns + column < len(pictures)
    ]
    cut = f" (the first {len(keep):,} of {len(pictures):,})"
    return pictures[keep], [captions[index] for index in keep], min(columns, MOST_SIDE), cut


def _tile_size(pictures: np.ndarray, most: int) -> tuple[float, float]:
    """Width and height of a tile in inches, in the shape of its picture and smaller the more stand in a line."""
    side = 1.5 if most <= 5 else 0.9 if most <= 12 else 0.5 if most <= 24 else 0.2
    aspect = min(max(pictures.shape[2] / pictures.shape[1], 1 / MOST_ASPECT), MOST_ASPECT)
    return side * math.sqrt(aspect), side / math.sqrt(aspect)


def _source(tiles: Tiles) -> tuple[Image.Image | None, tuple[float, float]]:
    """The picture that the tiles were made of, and its width and height in inches."""
    if tiles.source is None:
        return None, (0.0, 0.0)
    picture = Image.fromarray(_bytes(as_rgb(tiles.source, tiles.settings.get("input_range"))))
    part = SOURCE / max(picture.size)
    return picture, (picture.width * part, picture.height * part)


def _as_picture(tiles: Tiles) -> bool:
    """Whether the tiles are inputs of the model, or kernels over red, green and blue, to be seen as such."""
    return tiles.method == "maximize" or tiles.pictures.shape[-1] == 3


def _colored(pictures: np.ndarray, tiles: Tiles, scale: Scale | None) -> np.ndarray:
    """Tiles as bytes, (tiles, height, width, 3)."""
    if scale is not None:
        parts = (pictures[..., 0] - scale.low) / (scale.high - scale.low)
        return colormaps[scale.colors](parts, bytes=True)[..., :3]
    if tiles.signed:
        most = float(np.abs(pictures).max()) or 1.0
        return _bytes(as_rgb(pictures, (-most, most)))
    return _bytes(as_rgb(pictures, tiles.settings.get("input_range")))


def _bytes(parts: np.ndarray) -> np.ndarray:
    return (255 * parts).round().astype("uint8")


def _paste(sheet: Image.Image, picture: Image.Image, place: tuple[float, float], size: tuple[float, float]) -> None:
    """Put a picture at (left, top) inches with a thin edge, each of its pixels a sharp square where there is room for it."""
    left, top = (round(inches * DPI) for inches in place)
    width, height = (max(1, round(inches * DPI)) for inches in size)
    smaller = width < picture.width or height < picture.height
    resampling = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    sheet.paste(EDGE, (left - 1, top - 1, left + width + 1, top + height + 1))
    sheet.paste(picture.resize((width, height), resampling), (left, top))


def _unit_numbers(figure: Figure, left: float, top: float, units: int) -> None:
    """Under a line of units the numbers of some of them."""
    width, height = figure.get_size_inches()
    for unit in range(0, units, max(1, math.ceil(units / 16))):
        x = left + LINE[0] * (unit + 0.5) / units
        figure.text(x / width, 1 - (top + 0.04) / height, str(unit), ha="center", va="top", fontsize=7)


def _heading(tiles: Tiles, cut: str) -> str:
    settings, count = tiles.settings, len(tiles.pictures)
    if tiles.method == "filters":
        over = f" over channel {settings['channel']}" if "channel" in settings else ""
        grid = ", a row each" if "columns" in settings else ""
        return f"filters of {settings['layer']}: {settings['filters']} x {settings['channels']} channels{over}{grid}{cut}"
    if tiles.method == "features":
        return f"features of {settings['layer']}{cut}"
    single = f"a channel of {settings['layer']}" if settings.get("layer") else "the score"
    many = f"{settings.get('layer') or 'each score'}{cut}"
    words = list(dict.fromkeys(target for target in settings.get("targets", ()) if isinstance(target, str)))
    if words:  # objectives, which tell by themselves what they are
        single = words[0]
        many = words[0] if len(set(settings["targets"])) == 1 else f"each objective{cut}"
    return f"inputs that maximize {many}" if count > 1 else f"input that maximizes {single}"


def _foot(figure: Figure, tiles: Tiles, scale: Scale | None) -> None:
    """A color bar, or a line that says what the gray levels are."""
    width, height = figure.get_size_inches()
    if scale is None:
        unit = tiles.settings.get("unit", "")
        if tiles.signed:
            most = float(np.abs(tiles.pictures).max())
            text = f"{unit}: gray is 0, full color is \u00b1{most:.2g}" if most else f"{unit}: all zero"
        else:
            low, high = tiles.settings["input_range"]
            text = f"{unit}: black {low:.3g}, white {high:.3g}; {tiles.settings['score']} above each"
        figure.text(0.5, 0.22 / height, text, ha="center", va="center", fontsize=8)
        return
    bar = min(3.0, width - 1.0)
    axes = figure.add_axes(((width - bar) / 2 / width, 0.4 / height, bar / width, 0.09 / height))
    axes.imshow(
        np.linspace(scale.low, scale.high, 256)[None],
        cmap=scale.colors,
        aspect="auto",
        extent=(scale.low, scale.high, 0, 1),
    )
    ticks = [scale.low, 0.0, scale.high] if scale.low < 0 else [scale.low, scale.high]
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks], fontsize=7)
    axes.set_yticks([])
    axes.set_xlabel(str(tiles.settings.get("unit", "")), fontsize=7, labelpad=1)
    if scale.note:
        figure.text(0.5, 0.52 / height, scale.note, ha="center", va="bottom", fontsize=8)
