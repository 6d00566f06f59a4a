"""A model's structure as a diagram: a box a layer, an arrow a tensor."""

from __future__ import annotations

import math
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from visualize.plotting.sizes import empty_figure
from visualize.plotting.text import fitted
from visualize.results import Structure

DPI = 120
BOX_WIDTH, BOX_HEIGHT, GAP = 3.4, 0.52, 0.26  # inches
COLUMN_GAP, MARGIN, HEADING = 0.8, 0.4, 0.56
LANE = 0.09  # between two arrows that run side by side
MOST_ROWS = 16  # boxes in a column before the next one begins
COLORS = {
    "Input": "#e8e8e8",
    "Conv": "#cfe3f7",
    "Dense": "#d8f0d3",
    "Pool": "#fbe3c8",
    "Norm": "#eadcf4",
    "Drop": "#f3f3f3",
}


def draw_structure(structure: Structure) -> Figure:
    """The layers of the top level in the order of the calls, with shapes and parameters; columns go from left to right."""
    boxes = [row for row in structure.rows if row["depth"] == 0]
    columns = math.ceil(len(boxes) / MOST_ROWS)
    rows = math.ceil(len(boxes) / columns) if boxes else 1
    width = column_x(columns)
    height = rows * (BOX_HEIGHT + GAP) + GAP + HEADING
    figure = empty_figure(width, height, DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    settings = structure.settings
    name = fitted(settings["name"], width - 0.4, 12.5)  # bold letters are wide
    count, trainable = settings["parameters"], settings["trainable"]
    below = f"{count:,} parameters, {'all' if trainable == count else f'{trainable:,}'} trainable"
    axes.text(width / 2, height - 0.22, name, ha="center", va="center", fontsize=11, fontweight="bold")
    axes.text(width / 2, height - 0.42, below, ha="center", va="center", fontsize=9)

    places = {}
    for index, row in enumerate(boxes):
        column, line = divmod(index, rows)
        y = height - HEADING - GAP - BOX_HEIGHT - line * (BOX_HEIGHT + GAP)
        places[row["path"]] = Place(column_x(column), y, column, line)
        _box(axes, column_x(column), y, row, _inside(structure, row["path"]))
    lanes = Lanes(height - HEADING - GAP)
    edges = [(places[start], places[end]) for start, end in structure.edges if start in places and end in places]
    for start, end in sorted(edges, key=lambda edge: abs(edge[0].y - edge[1].y)):  # the shortest nearest to the boxes
        if start != end:
            _arrow(axes, start, end, lanes)
    return figure


class Place(NamedTuple):
    """Where a box stands."""

    x: float
    y: float
    column: int
    line: int


def column_x(column: int) -> float:
    """The left edge of a column."""
    return MARGIN + column * (BOX_WIDTH + COLUMN_GAP)


def _inside(structure: Structure, path: str) -> int:
    return sum(row["path"].startswith(path + "/") for row in structure.rows)


def _box(axes, x: float, y: float, row, inside: int) -> None:
    color = next((color for part, color in COLORS.items() if part in row["kind"]), "white")
    style = "round,pad=0.02,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch((x, y), BOX_WIDTH, BOX_HEIGHT, boxstyle=style, facecolor=color, edgecolor="0.35", linewidth=0.8)
    )
    kind = fitted(row["kind"] + (f", {inside} layers" if inside else ""), 0.5 * BOX_WIDTH, 7.5)
    name = fitted(row["path"], BOX_WIDTH - 0.3 - len(kind) * 7.5 * 0.58 / 72, 10)  # bold letters are wide
    middle, upper, lower = x + 0.1, y + 0.36, y + 0.14
    axes.text(middle, upper, name, fontsize=9, fontweight="bold", va="center")
    axes.text(x + BOX_WIDTH - 0.1, upper, kind, fontsize=7.5, va="center", ha="right", color="0.25")
    shape = " \u00d7 ".join("?" if size is None else str(size) for size in row["shape"][1:])
    axes.text(
        middle, lower, shape or ("one value" if row["shape"] else "several outputs"), fontsize=8, va="center", color="0.1"
    )
    if row["parameters"]:
        axes.text(
            x + BOX_WIDTH - 0.1,
            lower,
            f"{row['parameters']:,} parameters",
            fontsize=7.5,
            va="center",
            ha="right",
            color="0.25",
        )


def _arrow(axes, start: Place, end: Place, lanes: Lanes) -> None:
    """Straight down to the next box; else sideways into a lane between the columns, so that no box is crossed."""
    middle = BOX_HEIGHT / 2
    if start.column == end.column and end.line == start.line + 1:
        points = [(start.x + BOX_WIDTH / 2, start.y), (end.x + BOX_WIDTH / 2, end.y + BOX_HEIGHT)]
    else:
        leaves, enters = start.y + middle - 0.1, end.y + middle + 0.1
        out = lanes.place(start.column, leaves, enters if end.column <= start.column + 1 else lanes.top)
        points = [(start.x + BOX_WIDTH, leaves), (out, leaves), (out, enters)]
        if end.column == start.column:
            points.append((end.x + BOX_WIDTH, enters))
        else:
            if end.column != start.column + 1:  # over the columns between
                over, down = lanes.above(), lanes.place(end.column - 1, enters, lanes.top)
                points[-1:] = [(out, over), (down, over), (down, enters)]
            points.append((end.x, enters))
    axes.add_patch(
        FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=9, color="0.35", linewidth=0.9, joinstyle="round")
    )


class Lanes:
    """The room between the columns, shared out among the arrows that run there: no two on one line.

    Args:
        top: height above the boxes at which arrows pass over whole columns.
    """

    def __init__(self, top: float):
        self.top = top
        self._taken: dict[int, list[list[tuple[float, float]]]] = {}
        self._over = 0

    def place(self, column: int, start: float, end: float) -> float:
        """Where in the room right of a column an arrow can run from height to height."""
        low, high = min(start, end), max(start, end)
        lanes = self._taken.setdefault(column, [])
        free = (all(high < bottom or low > top for bottom, top in taken) for taken in lanes)
        number = next((number for number, is_free in enumerate(free) if is_free), len(lanes))
        if number == len(lanes):
            lanes.append([])
        lanes[number].append((low, high))
        within = COLUMN_GAP - 2 * LANE
        return column_x(column) + BOX_WIDTH + LANE + (number * LANE) % within

    def above(self) -> float:
        """A height of its own for an arrow over the columns."""
        self._over += 1
        return self.top + (self._over * 0.05) % (GAP - 0.05)
