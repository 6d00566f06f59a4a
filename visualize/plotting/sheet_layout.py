"""The layout of an attribution sheet: where its cells and its color bars are."""

from __future__ import annotations

import math
from dataclasses import dataclass

GAP = 0.14  # inches between cells
TEXT_LINE = 0.16  # inches: the height of a line of text
FOOTER = 0.62  # inches below the last row of a band: a color bar, and its ticks and unit
BAR_DROP, BAR_HEIGHT = 0.22, 0.09  # inches from the last row to the lower edge of the color bar, and its height
MAX_COLUMNS = 4  # side by side if there is a single image: the others go below, so that a page or a phone can show them

Rectangle = tuple[float, float, float, float]  # left, bottom, width, height


@dataclass(frozen=True)
class SheetLayout:
    """Where the cells and the color bars of a sheet are, in inches from its lower left corner.

    A sheet has one row of cells per image. The columns of a single image are divided into bands, one below the other; each
    band ends with the color bars of its columns. (A matplotlib GridSpec of the same sizes computes some edges 1e-13 of a pixel
    off; where an edge is on the border of a pixel, that draws one pixel more or less.)

    Attributes:
        images: number of rows of cells.
        columns: of cells, in all bands together.
        cell_width, cell_height: of one cell.
        title_lines: lines of text above every cell.
        header_lines: lines of text above a column, on top of those above its first cell.
        map_lines: lines of text above every map.
    """

    images: int
    columns: int
    cell_width: float
    cell_height: float
    title_lines: int
    header_lines: int
    map_lines: int = 1

    @property
    def bands(self) -> int:
        """How many bands the columns are divided into: one, unless there is a single image."""
        return math.ceil(self.columns / MAX_COLUMNS) if self.images == 1 else 1

    @property
    def columns_per_band(self) -> int:
        """How many cells are side by side, in every band but the last."""
        return math.ceil(self.columns / self.bands)

    @property
    def above_band(self) -> float:
        """Room for the headers and titles of the first row."""
        return GAP + TEXT_LINE * max(self.title_lines, self.header_lines + self.map_lines)

    @property
    def between_rows(self) -> float:
        """Room for the titles of the other rows."""
        return GAP + TEXT_LINE * max(self.title_lines, self.map_lines)

    @property
    def width(self) -> float:
        """Of a band."""
        return self.columns_per_band * (self.cell_width + GAP) + GAP

    @property
    def height(self) -> float:
        """Of all bands."""
        return self.bands * self._band_height

    def cell(self, image: int, column: int) -> Rectangle:
        """Where an image's cell of a column is."""
        left, top = self._corner(column)
        bottom = top - self.cell_height - image * (self.cell_height + self.between_rows)
        return left, bottom, self.cell_width, self.cell_height

    def color_bar(self, column: int) -> Rectangle:
        """Where the color bar of a column is."""
        left, top = self._corner(column)
        footer = top + self.above_band - self._band_height  # its lower edge
        return left, footer + FOOTER - BAR_DROP, self.cell_width, BAR_HEIGHT

    def _corner(self, column: int) -> tuple[float, float]:
        """Left and top of the first cell of a column."""
        band, position = divmod(column, self.columns_per_band)
        left = GAP + position * (self.cell_width + GAP)
        return left, self.height - band * self._band_height - self.above_band

    @property
    def _band_height(self) -> float:
        cells = self.above_band + self.images * self.cell_height + (self.images - 1) * self.between_rows
        return cells + FOOTER
