"""The picture that tiles were computed from, at the left of their figure."""

from __future__ import annotations

from PIL import Image

from visualize.plotting.colors import as_rgb, to_bytes
from visualize.plotting.figure import ResultFigure
from visualize.plotting.tile_text import MARGIN
from visualize.results import Tiles

SIDE = 1.6  # inches: the longer side of the picture


def source_picture(tiles: Tiles) -> Image.Image | None:
    """The picture that the tiles were computed from; None where there is none."""
    if tiles.source is None:
        return None
    return Image.fromarray(to_bytes(as_rgb(tiles.source, tiles.settings.get("input_range"))))


def source_size(source: Image.Image | None) -> tuple[float, float]:
    """Its width and height on a figure, in inches; zeros without one."""
    if source is None:
        return 0.0, 0.0
    inches = SIDE / max(source.size)
    return source.width * inches, source.height * inches


def add_source(figure: ResultFigure, source: Image.Image | None, top: float) -> None:
    """Draw it at the left, its upper edge this high above the lower edge of the figure, in inches."""
    if source is None:
        return
    (figure_width, figure_height), (width, height) = figure.get_size_inches(), source_size(source)
    left, bottom = MARGIN / figure_width, (top - height) / figure_height
    axes = figure.add_axes((left, bottom, width / figure_width, height / figure_height))
    axes.imshow(source, aspect="auto", interpolation="nearest")
    axes.axis("off")
