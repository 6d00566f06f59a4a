"""The layout of an attribution sheet: where its cells and its color bars are."""

from __future__ import annotations

import math
from dataclasses import dataclass

GAP = 0.14  # inches between cells
TEXT_LINE = 0.16  # inches: the height of a line of text
FOOTER = 0.62  # inches below the last row of a band: a color bar, its ticks and a line of text
BAR_DROP, BAR_HEIGHT = 0.22, 0.09  # inches from the last row to the lower edge of the color bar, and its height
MAX_COLUMNS = 4  # side by side if there is a single image: the others go below, so that a page or a phone can show them
HEADER_EVERY = 4  # rows: the headers of the columns are repeated, so that each row can be read

Rectangle = tuple[float, float, float, float]  # left, bottom, width, height


@dataclass(frozen=True)
class SheetLayout:
    """Where the cells and the color bars of a sheet are, in inches from its lower left corner.

    A sheet has one row of cells per image. The columns of a single image are divided into bands, one below the other; each
    band ends with the color bars of its columns. (A matplotlib GridSpec of the same sizes computes some edges 1e-13 of a pixel
    off; where an edge is on the border of a pixel, that draws one pixel more or less.)

    Attributes:
        cell_heights: of the cells of each row; a row is an image.
        columns: of cells, in all bands together.
        cell_width: of every cell.
        title_lines: lines of text above every cell.
        header_lines: lines of text above a column, on top of those above its first cell.
        map_lines: lines of text above every map.
        bar_lines: lines of text below a color bar.
        below: room below everything.
        max_columns: of cells side by side, if there is a single image.
    """

    cell_heights: tuple[float, ...]
    columns: int
    cell_width: float
    title_lines: int
    header_lines: int
    map_lines: int = 1
    bar_lines: int = 1
    below: float = 0.0
    max_columns: int = MAX_COLUMNS

    @property
    def bands(self) -> int:
        """How many bands the columns are divided into: one, unless there is a single image."""
        return math.ceil(self.columns / self.max_columns) if len(self.cell_heights) == 1 else 1

    @property
    def columns_per_band(self) -> int:
        """How many cells are side by side, in every band but the last."""
        return math.ceil(self.columns / self.bands)

    @property
    def width(self) -> float:
        """Of a band."""
        return self.columns_per_band * (self.cell_width + GAP) + GAP

    @property
    def height(self) -> float:
        """Of all bands, and of the room below them."""
        return self.bands * self._band_height + self.below

    def has_header(self, image: int) -> bool:
        """Whether the headers of the columns stand above this row."""
        return image % HEADER_EVERY == 0

    def cell(self, image: int, column: int) -> Rectangle:
        """Where an image's cell of a column is."""
        left, top = self._corner(column)
        above = sum(self._above(row) for row in range(1, image + 1)) + sum(self.cell_heights[: image + 1])
        return left, top - above, self.cell_width, self.cell_heights[image]

    def color_bar(self, column: int) -> Rectangle:
        """Where the color bar of a column is."""
        left, top = self._corner(column)
        footer = top + self._above(0) - self._band_height  # its lower edge
        return left, footer + self._footer - BAR_DROP, self.cell_width, BAR_HEIGHT

    def _above(self, image: int) -> float:
        """Room above a row, for its titles and the headers of the columns."""
        headers = self.header_lines if self.has_header(image) else 0
        return GAP + TEXT_LINE * max(self.title_lines, headers + self.map_lines)

    def _corner(self, column: int) -> tuple[float, float]:
        """Left and top of the first cell of a column."""
        band, position = divmod(column, self.columns_per_band)
        left = GAP + position * (self.cell_width + GAP)
        return left, self.height - band * self._band_height - self._above(0)

    @property
    def _band_height(self) -> float:
        rows = range(len(self.cell_heights))
        return sum(self._above(row) for row in rows) + sum(self.cell_heights) + self._footer

    @property
    def _footer(self) -> float:
        return FOOTER + (self.bar_lines - 1) * TEXT_LINE
