"""The layout of a grid of tiles: their size and position, their captions, and the picture to the left of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from visualize.plotting.figure import DPI, NARROW
from visualize.plotting.text import fits, fitted, wrapped
from visualize.plotting.tile_text import HEADING, MARGIN

MAX_CAPTIONS = 144  # more tiles than this have no captions
MAX_CAPTION_LINES = 2
FOOTER = 0.62  # inches
MIN_WIDTH = 4.2  # inches of a figure
UNITS_SIZE = (9.0, 0.5)  # inches: a layer without spatial positions is one long tile
UNIT_NUMBERS = 0.2  # inches below that tile
GRID_NUMBERS = (0.3, 0.16)  # inches to the left of the rows and above the columns of a grid without captions
MAX_ASPECT = 8.0
MIN_POINTS, NARROW_POINTS = 6, 7  # the smallest font size of captions, and that in a narrow figure


@dataclass(frozen=True)
class GridLayout:
    """Where the tiles of a grid are: inches from the left and from the top of the figure.

    Attributes:
        rows, columns: of tiles.
        tile_width, tile_height: of one tile.
        caption_points: font size of the captions.
        captions: the lines above each tile; empty without captions.
        source_size: width and height of the picture to the left of the grid; zeros without one.
        unit_numbers: height below the grid for the numbers of a layer's units; 0 without them.
        grid_numbers: width and height for the numbers of the rows and columns; zeros without them.
        above, below: height of the text at the upper and at the lower edge of the figure.
        min_width: of the figure.
    """

    rows: int
    columns: int
    tile_width: float
    tile_height: float
    caption_points: int
    captions: Sequence[Sequence[str]]
    source_size: tuple[float, float]
    unit_numbers: float
    grid_numbers: tuple[float, float] = (0.0, 0.0)
    above: float = HEADING
    below: float = 0.0
    min_width: float = MIN_WIDTH

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        captions: Sequence[str],
        columns: int,
        *,
        source_size: tuple[float, float] = (0.0, 0.0),
        numbered: bool = False,
        narrow: bool = False,
    ) -> GridLayout:
        """The layout for tiles of this height and width.

        Args:
            size: height and width of a tile in pixels.
            captions: one for each tile.
            columns: of tiles.
            source_size: width and height of a picture to the left of them, in inches; zeros without one.
            numbered: whether rows and columns have numbers, where there are too many tiles for captions.
            narrow: whether the figure is `NARROW` inches wide.
        """
        height, width = size
        count = len(captions)
        rows = math.ceil(count / columns)
        are_units = height == 1 and width > MAX_ASPECT
        tile_width, tile_height = UNITS_SIZE if are_units else _tile_size(height, width, max(rows, columns))
        if narrow:
            wider = ((NARROW - 2 * MARGIN + _gap(rows, columns)) / columns - _gap(rows, columns)) / tile_width
            tile_width, tile_height = tile_width * wider, tile_height * wider
        has_captions = count <= MAX_CAPTIONS
        smallest = NARROW_POINTS if narrow else MIN_POINTS
        points, lines = _fitted_captions(captions if has_captions else (), tile_width, _gap(rows, columns), smallest)
        return cls(
            rows=rows,
            columns=columns,
            tile_width=tile_width,
            tile_height=tile_height,
            caption_points=points,
            captions=lines,
            source_size=source_size,
            unit_numbers=UNIT_NUMBERS if are_units else 0.0,
            grid_numbers=GRID_NUMBERS if numbered and not has_captions else (0.0, 0.0),
            min_width=NARROW if narrow else MIN_WIDTH,
        )

    @property
    def gap(self) -> float:
        """Between tiles."""
        return _gap(self.rows, self.columns)

    @property
    def caption_height(self) -> float:
        """Above each tile; 0 without captions."""
        lines = max(map(len, self.captions), default=0)
        return lines * self.caption_points / 72 + (lines - 1) * 0.03 + 0.06 if lines else 0.0

    @property
    def width(self) -> float:
        """Of the figure, in whole pixels."""
        return _whole_pixels(max(self._left_of_grid + self._grid_width + MARGIN, self.min_width))

    @property
    def height(self) -> float:
        """Of the figure, in whole pixels."""
        grid = self.grid_numbers[1] + self.rows * (self.tile_height + self.caption_height + self.gap) + self.unit_numbers
        source = self.caption_height + self.source_size[1] + self.gap
        return _whole_pixels(self.above + max(grid, source) + FOOTER + self.below)

    @property
    def source_corner(self) -> tuple[float, float]:
        """Left and top of the source picture."""
        return MARGIN, self.above + self.caption_height

    def corner(self, index: int) -> tuple[float, float]:
        """Left and top of a tile; the grid is in the middle of the room that it has."""
        row, column = divmod(index, self.columns)
        left = self._left_of_grid + (self.width - MARGIN - self._left_of_grid - self._grid_width) / 2
        top = self.above + self.grid_numbers[1]
        top += row * (self.tile_height + self.caption_height + self.gap) + self.caption_height
        return left + column * (self.tile_width + self.gap), top

    @property
    def _left_of_grid(self) -> float:
        return MARGIN + (self.source_size[0] + 2 * MARGIN if any(self.source_size) else 0.0) + self.grid_numbers[0]

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


def _fitted_captions(captions: Sequence[str], tile_width: float, gap: float, smallest: int) -> tuple[int, list[list[str]]]:
    """The font size of captions and their lines: one line, smaller if one would otherwise be cut, else two.

    What two lines cannot hold is left out between the parts of a name.
    """
    room, largest = tile_width + gap, 8 if tile_width > 1.2 else 7
    for points in (largest, smallest):
        if all(fits(caption, room, points) for caption in captions):
            return points, [[fitted(caption, room, points)] for caption in captions]
    for points in (largest, smallest):
        lines = [wrapped(caption, room, points) for caption in captions]
        if max(map(len, lines)) <= MAX_CAPTION_LINES:
            return points, lines
    return smallest, [
        [fitted(caption, room, smallest)] if len(each) > MAX_CAPTION_LINES else each
        for caption, each in zip(captions, lines, strict=True)
    ]


def _whole_pixels(inches: float) -> float:
    return math.ceil(inches * DPI) / DPI
