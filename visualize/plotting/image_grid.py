"""Tiles as a grid: kernels, channels, maximized inputs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from matplotlib import colormaps
from PIL import Image

from visualize.errors import InputError
from visualize.plotting.colors import Scale, as_rgb, scale_of, to_bytes
from visualize.plotting.figure import DPI, ResultFigure, empty_figure
from visualize.plotting.grid_layout import MARGIN, GridLayout
from visualize.plotting.text import epoch_label, fitted
from visualize.results import Tiles

MAX_SIDE = 64  # rows or columns of tiles in one figure; more could not be told apart
EDGE = (190, 190, 190)  # gray frame of a tile
OPAQUE = 80  # percentile of the saliency of a maximized input, from which on it does not fade


def draw_tiles(tiles: Tiles) -> ResultFigure:
    """Draw the tiles as a grid on one scale, with a color bar where colors mean values.

    All tiles together are one image of the figure: axes for each of two thousand kernels would take half a minute.

    Args:
        tiles: at most 64 rows and columns of them are drawn; the heading says if some were left out.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    shown, columns = _first_tiles(tiles), min(columns_of(tiles), MAX_SIDE)
    scale = None if _are_pictures(tiles) else scale_of(shown.pictures, signed=tiles.signed)
    source = _source_picture(tiles)
    layout = GridLayout.of(shown, columns, None if source is None else source.size)
    figure = empty_figure(layout.width, layout.height)
    heading = _heading(tiles, shown=len(shown.pictures))
    figure.text(
        0.5,
        1 - 0.22 / layout.height,
        fitted(heading, layout.width - 2 * MARGIN, 11.5),
        ha="center",
        va="center",
        fontsize=10,
        fontweight="bold",
    )
    _add_captions(figure, layout, shown)
    axes = figure.add_axes((0, 0, 1, 1), zorder=-1)
    axes.axis("off")
    axes.imshow(_sheet(layout, _colored(shown, scale), source), interpolation="nearest", aspect="auto")
    if scale is None:
        _add_legend(figure, tiles)
    else:
        _add_color_bar(figure, scale, str(tiles.settings.get("unit", "")))
    return figure


def columns_of(tiles: Tiles) -> int:
    """How many tiles are in one row: what the result says, else about as many as there are rows."""
    count = len(tiles.pictures)
    columns = _columns_hint(tiles)
    if columns is not None:
        return min(columns, count)
    return count if count <= 5 else 5 if count == 10 else math.ceil(math.sqrt(count))


def _columns_hint(tiles: Tiles) -> int | None:
    """The number of columns that the result itself asks for."""
    return tiles.display.columns


def _first_tiles(tiles: Tiles) -> Tiles:
    """The tiles of the first rows and columns: those that fit into one figure."""
    count, columns = len(tiles.pictures), columns_of(tiles)
    if columns <= MAX_SIDE and count <= columns * MAX_SIDE:
        return tiles
    keep = [index for index in range(count) if index // columns < MAX_SIDE and index % columns < MAX_SIDE]
    return replace(tiles, pictures=tiles.pictures[keep], captions=tuple(tiles.captions[index] for index in keep))


def _are_pictures(tiles: Tiles) -> bool:
    """Whether the tiles are inputs of the model, or kernels over red, green and blue, whose colors are their own."""
    return tiles.method == "maximize" or tiles.pictures.shape[-1] == 3


def _source_picture(tiles: Tiles) -> Image.Image | None:
    """The picture that the tiles were computed from."""
    if tiles.source is None:
        return None
    return Image.fromarray(to_bytes(as_rgb(tiles.source, tiles.settings.get("input_range"))))


def _colored(tiles: Tiles, scale: Scale | None) -> np.ndarray:
    """Tiles as (tiles, height, width, 3) uint8: on a scale, or without one as pictures."""
    if scale is not None:
        levels = (tiles.pictures[..., 0] - scale.low) / (scale.high - scale.low)
        return colormaps[scale.colormap](levels, bytes=True)[..., :3]
    if tiles.signed:
        largest = float(np.abs(tiles.pictures).max()) or 1.0
        return to_bytes(as_rgb(tiles.pictures, (-largest, largest)))
    parts = as_rgb(tiles.pictures, tiles.settings.get("input_range"))
    return to_bytes(
        _faded(parts, tiles.saliency) if tiles.display.alpha == "saliency" and tiles.saliency is not None else parts
    )


def _faded(parts: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Pictures in 0..1 on white, as opaque as their saliency: all of it from the 80th percentile of each on."""
    opaque = np.maximum(np.percentile(saliency, OPAQUE, axis=(1, 2), keepdims=True), np.finfo("float32").tiny)
    alpha = np.minimum(1, saliency / opaque)[..., None]
    return 1 - alpha * (1 - parts)


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


def _add_captions(figure: ResultFigure, layout: GridLayout, tiles: Tiles) -> None:
    """Write a caption above each tile, and the numbers of some units below a layer without spatial positions."""
    for index in range(len(tiles.pictures) if layout.caption_height else 0):
        left, top = layout.corner(index)
        x, y = (left + layout.tile_width / 2) / layout.width, 1 - (top - 0.03) / layout.height
        text = fitted(tiles.captions[index], layout.tile_width + layout.gap, layout.caption_points)
        figure.text(x, y, text, ha="center", va="bottom", fontsize=layout.caption_points)
    if layout.unit_numbers:
        units, (left, top) = tiles.pictures.shape[2], layout.corner(0)
        y = 1 - (top + layout.tile_height + 0.04) / layout.height
        for unit in range(0, units, max(1, math.ceil(units / 16))):
            x = (left + layout.tile_width * (unit + 0.5) / units) / layout.width
            figure.text(x, y, str(unit), ha="center", va="top", fontsize=7)


def _heading(tiles: Tiles, shown: int) -> str:
    """What the tiles are, and how many of them are shown if some are left out."""
    settings, count = tiles.settings, len(tiles.pictures)
    cut = f" (the first {shown:,} of {count:,})" if shown < count else ""
    epoch = f"{epoch_label(tiles)}: " if epoch_label(tiles) else ""
    if tiles.method == "filters":
        over = f" over channel {settings['channel']}" if "channel" in settings else ""
        rows = ", one row each" if _columns_hint(tiles) is not None else ""
        size = f"{settings['filters']} x {settings['channels']} channels"
        return f"{epoch}filters of {settings['layer']}: {size}{over}{rows}{cut}"
    if tiles.method == "features":
        return f"{epoch}features of {settings['layer']}{cut}"
    return f"{epoch}{_maximized(tiles, cut)}"


def _maximized(tiles: Tiles, cut: str) -> str:
    """What the tiles of `maximize` maximize."""
    layer, targets = tiles.settings.get("layer"), tiles.settings.get("targets", ())
    objectives = [target for target in targets if isinstance(target, str)]  # their names say what they are
    if len(tiles.pictures) == 1:
        return f"input that maximizes {objectives[0] if objectives else f'a channel of {layer}' if layer else 'the score'}"
    if not objectives:
        return f"inputs that maximize {layer or 'each score'}{cut}"
    return f"inputs that maximize {objectives[0] if len(set(targets)) == 1 else f'each objective{cut}'}"


def _add_legend(figure: ResultFigure, tiles: Tiles) -> None:
    """Say what the gray levels or the colors of pictures mean."""
    unit = tiles.settings.get("unit", "")
    if tiles.signed:
        largest = float(np.abs(tiles.pictures).max())
        text = f"{unit}: gray is 0, full color is \u00b1{largest:.2g}" if largest else f"{unit}: all zero"
    else:
        if tiles.settings.input_range is None:
            raise InputError("Tiles that are not signed must state `input_range`, their black and white. Received: None.")
        low, high = tiles.settings.input_range
        text = f"{unit}: black {low:.3g}, white {high:.3g}; {tiles.settings['score']} above each"
        text += "; faded where pixels mattered little" if tiles.display.alpha == "saliency" else ""
    figure.text(0.5, 0.22 / figure.get_figheight(), text, ha="center", va="center", fontsize=8)


def _add_color_bar(figure: ResultFigure, scale: Scale, unit: str) -> None:
    width, height = figure.get_size_inches()
    bar = min(3.0, width - 1.0)
    axes = figure.add_axes(((width - bar) / 2 / width, 0.4 / height, bar / width, 0.09 / height))
    levels = np.linspace(scale.low, scale.high, 256)[None]
    axes.imshow(levels, cmap=scale.colormap, aspect="auto", extent=(scale.low, scale.high, 0, 1))
    ticks = [scale.low, 0.0, scale.high] if scale.low < 0 else [scale.low, scale.high]
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks], fontsize=7)
    axes.set_yticks([])
    axes.set_xlabel(unit, fontsize=7, labelpad=1)
    if scale.note:
        figure.text(0.5, 0.52 / height, scale.note, ha="center", va="bottom", fontsize=8)
