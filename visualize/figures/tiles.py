"""Tiles as a grid: kernels, channels, maximized inputs."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from visualize.figures.scales import Scale, as_rgb, scale_of
from visualize.results import Tiles

DPI = 120
MOST_SIDE = 64  # rows or columns of tiles in one figure; more could not be told apart
MOST_CAPTIONS = 144  # more tiles than this stand without captions
MARGIN, TOP, FOOTER = 0.15, 0.55, 0.55  # inches


def draw_tiles(tiles: Tiles) -> Figure:
    """A grid of the tiles on one scale, with a color bar where colors mean values."""
    pictures, captions, columns, cut = _shown(tiles)
    rows = math.ceil(len(pictures) / columns)
    captioned = len(pictures) <= MOST_CAPTIONS
    aspect = pictures.shape[2] / pictures.shape[1]
    side = _side(max(rows, columns))
    width, height = (
        side * max(1.0, min(aspect, 8.0)),
        side / max(min(aspect, 1.0), 0.125) if aspect < 1 else side,
    )
    if aspect > 8:  # units without maps: one long line
        width, height = 9.0, 0.5
    caption = 0.2 if captioned else 0.04
    source = 0.0 if tiles.source is None else 2.0
    figure_width = max(2 * MARGIN + columns * width + source, 4.2)
    figure_height = TOP + max(rows * (height + caption), 1.6 if source else 0) + FOOTER
    figure = Figure(figsize=(figure_width, figure_height), dpi=DPI)
    offset = max(0.0, (figure_width - 2 * MARGIN - columns * width - source) / 2)
    figure.text(
        0.5,
        1 - 0.22 / figure_height,
        _heading(tiles, cut),
        ha="center",
        va="center",
        fontsize=10,
        fontweight="bold",
    )

    if source:
        place = (
            MARGIN / figure_width,
            1 - (TOP + 1.6) / figure_height,
            1.6 / figure_width,
            1.6 / figure_height,
        )
        axes = figure.add_axes(place)
        axes.imshow(as_rgb(tiles.source, tiles.settings.get("input_range")), interpolation="nearest")
        axes.axis("off")
    scale = None if _as_picture(tiles) else scale_of(pictures, signed=tiles.signed)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        left = MARGIN + source + offset + column * width
        bottom = figure_height - TOP - (row + 1) * (height + caption)
        gap = 0.03 * min(width, height)
        place = (left + gap, bottom + gap, width - 2 * gap, height - 2 * gap)
        axes = figure.add_axes(
            (
                place[0] / figure_width,
                place[1] / figure_height,
                place[2] / figure_width,
                place[3] / figure_height,
            )
        )
        axes.axis("off")
        _tile(axes, picture, tiles, scale)
        if captioned:
            axes.set_title(captions[index], fontsize=7, pad=2)
    _foot(figure, tiles, scale)
    return figure


def columns_of(tiles: Tiles) -> int:
    """How many tiles stand in a row: as the result says, else about as many as there are rows."""
    if "columns" in tiles.settings:
        return int(tiles.settings["columns"])
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
    cut = f", {len(keep)} of {len(pictures)}"
    return pictures[keep], [captions[index] for index in keep], min(columns, MOST_SIDE), cut


def _side(most: int) -> float:
    """Inches of a tile, by how many stand in a line."""
    return 1.5 if most <= 5 else 0.9 if most <= 12 else 0.5 if most <= 24 else 0.18


def _as_picture(tiles: Tiles) -> bool:
    """Whether the tiles are inputs of the model, or kernels over red, green and blue, to be seen as such."""
    return tiles.method == "maximize" or tiles.pictures.shape[-1] == 3


def _tile(axes, picture: np.ndarray, tiles: Tiles, scale: Scale | None) -> None:
    if scale is not None:
        axes.imshow(
            picture[..., 0],
            cmap=scale.colors,
            vmin=scale.low,
            vmax=scale.high,
            interpolation="nearest",
            aspect="auto",
        )
    elif tiles.signed:
        most = float(np.abs(tiles.pictures).max()) or 1.0
        axes.imshow(as_rgb(picture, (-most, most)), interpolation="nearest", aspect="auto")
    else:
        axes.imshow(as_rgb(picture, tiles.settings.get("input_range")), interpolation="nearest", aspect="auto")


def _heading(tiles: Tiles, cut: str) -> str:
    settings, count = tiles.settings, len(tiles.pictures)
    if tiles.method == "filters":
        over = f" over channel {settings['channel']}" if "channel" in settings else ""
        return f"filters of {settings['layer']}: {settings['filters']} x {settings['channels']} channels{over}{cut}"
    if tiles.method == "features":
        return f"features of {settings['layer']}{cut}"
    return f"inputs that maximize {settings.get('layer') or 'each score'}{cut}" if count > 1 else "input that maximizes"


def _foot(figure: Figure, tiles: Tiles, scale: Scale | None) -> None:
    """A color bar, or a line that says what the gray levels are."""
    width, height = figure.get_size_inches()
    if scale is None:
        unit = tiles.settings.get("unit", "")
        if tiles.signed:
            most = float(np.abs(tiles.pictures).max())
            text = f"{unit}: gray is 0, full color is \u00b1{most:.2g}"
        else:
            low, high = tiles.settings["input_range"]
            text = f"{unit}: black {low:.3g}, white {high:.3g}; {tiles.settings['score']} above each"
        figure.text(0.5, 0.2 / height, text, ha="center", va="center", fontsize=8)
        return
    bar = min(3.0, width - 1.0)
    axes = figure.add_axes(((width - bar) / 2 / width, 0.33 / height, bar / width, 0.09 / height))
    axes.imshow(
        np.linspace(scale.low, scale.high, 256)[None],
        cmap=scale.colors,
        aspect="auto",
        extent=(scale.low, scale.high, 0, 1),
    )
    ticks = [scale.low, 0.0, scale.high] if scale.low < 0 else [scale.low, scale.high]
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks], fontsize=7)
    axes.set_yticks([])
    axes.set_xlabel(
        str(tiles.settings.get("unit", "")) + (f" ({scale.note})" if scale.note else ""),
        fontsize=7,
        labelpad=1,
    )
