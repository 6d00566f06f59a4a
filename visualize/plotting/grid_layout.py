"""The layout of a grid of tiles: their size and position, their captions, and the picture to the left of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from visualize.plotting.figure import DPI
from visualize.plotting.text import fitted
from visualize.results import Tiles

MAX_CAPTIONS = 144  # more tiles than this have no captions
MARGIN, HEADING, FOOTER = 0.15, 0.42, 0.62  # inches
MIN_WIDTH = 4.2  # inches of a figure
SOURCE_SIDE = 1.6  # inches: the longer side of the picture that the tiles were computed from
UNITS_SIZE = (9.0, 0.5)  # inches: a layer without spatial positions is one long tile
UNIT_NUMBERS = 0.2  # inches below that tile
MAX_ASPECT = 8.0


@dataclass(frozen=True)
class GridLayout:
    """Where the tiles of a grid are: inches from the left and from the top of the figure.

    Attributes:
        rows, columns: of tiles.
        tile_width, tile_height: of one tile.
        caption_points: font size of the captions.
        caption_height: above each tile; 0 without captions.
        source_size: width and height of the picture to the left of the grid; zeros without one.
        unit_numbers: height below the grid for the numbers of a layer's units; 0 without them.
    """

    rows: int
    columns: int
    tile_width: float
    tile_height: float
    caption_points: int
    caption_height: float
    source_size: tuple[float, float]
    unit_numbers: float

    @classmethod
    def of(cls, tiles: Tiles, columns: int, source_pixels: tuple[int, int] | None) -> GridLayout:
        """The layout for tiles, and for a picture of this width and height to the left of them."""
        count, height, width = tiles.pictures.shape[:3]
        rows = math.ceil(count / columns)
        are_units = height == 1 and width > MAX_ASPECT
        tile_width, tile_height = UNITS_SIZE if are_units else _tile_size(height, width, max(rows, columns))
        points = _caption_points(tiles.captions[:MAX_CAPTIONS], tile_width, _gap(rows, columns))
        inches_per_pixel = SOURCE_SIDE / max(source_pixels) if source_pixels else 0.0
        source_width, source_height = source_pixels or (0, 0)
        return cls(
            rows=rows,
            columns=columns,
            tile_width=tile_width,
            tile_height=tile_height,
            caption_points=points,
            caption_height=points / 72 + 0.06 if count <= MAX_CAPTIONS else 0.0,
            source_size=(source_width * inches_per_pixel, source_height * inches_per_pixel),
            unit_numbers=UNIT_NUMBERS if are_units else 0.0,
        )

    @property
    def gap(self) -> float:
        """Between tiles."""
        return _gap(self.rows, self.columns)

    @property
    def width(self) -> float:
        """Of the figure, in whole pixels."""
        return _whole_pixels(max(self._left_of_grid + self._grid_width + MARGIN, MIN_WIDTH))

    @property
    def height(self) -> float:
        """Of the figure, in whole pixels."""
        grid = self.rows * (self.tile_height + self.caption_height + self.gap) + self.unit_numbers
        source = self.caption_height + self.source_size[1] + self.gap
        return _whole_pixels(HEADING + max(grid, source) + FOOTER)

    @property
    def source_corner(self) -> tuple[float, float]:
        """Left and top of the source picture."""
        return MARGIN, HEADING + self.caption_height

    def corner(self, index: int) -> tuple[float, float]:
        """Left and top of a tile; the grid is in the middle of the room that it has."""
        row, column = divmod(index, self.columns)
        left = self._left_of_grid + (self.width - MARGIN - self._left_of_grid - self._grid_width) / 2
        top = HEADING + row * (self.tile_height + self.caption_height + self.gap) + self.caption_height
        return left + column * (self.tile_width + self.gap), top

    @property
    def _left_of_grid(self) -> float:
        return MARGIN + (self.source_size[0] + 2 * MARGIN if any(self.source_size) else 0.0)

    @property
    def _grid_width(self) -> float:
        return self.columns * (self.tile_width + self.gap) - self.gap


def _gap(rows: int, columns: int) -> float:
    """Inches between tiles."""
    return 0.06 if max(rows, columns) <= 24 else 0.03


def _tile_size(height: int, width: int, side: int) -> tuple[float, float]:
    """Width and height of a tile in inches, in the proportions of its picture; smaller if there are many along a side."""
    inches = 1.5 if side <= 5 else 0.9 if side <= 12 else 0.5 if side <= 24 else 0.2
    aspect = min(max(width / height, 1 / MAX_ASPECT), MAX_ASPECT)
    return inches * math.sqrt(aspect), inches / math.sqrt(aspect)


def _caption_points(captions: Sequence[str], tile_width: float, gap: float) -> int:
    """The font size of captions: smaller if one would otherwise be cut."""
    points = 8 if tile_width > 1.2 else 7
    fits = all(fitted(caption, tile_width + gap, points) == caption for caption in captions)
    return points if fits else 6


def _whole_pixels(inches: float) -> float:
    return math.ceil(inches * DPI) / DPI
