"""A model's structure as a diagram: one box per layer, one arrow per tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from visualize.plotting.figure import ResultFigure, empty_figure
from visualize.plotting.text import fitted
from visualize.results import Structure

BOX_WIDTH, BOX_HEIGHT, GAP = 3.4, 0.52, 0.26  # inches; the gap is below a box
COLUMN_GAP, MARGIN, HEADING = 0.8, 0.4, 0.56
LANE = 0.09  # inches between two arrows that run side by side
MAX_ROWS = 16  # boxes in a column before the next column begins
COLORS = {  # of the layers with this in the names of their classes
    "Input": "#e8e8e8",
    "Conv": "#cfe3f7",
    "Dense": "#d8f0d3",
    "Pool": "#fbe3c8",
    "Norm": "#eadcf4",
    "Drop": "#f3f3f3",
}

Point = tuple[float, float]


def draw_structure(structure: Structure) -> ResultFigure:
    """Draw the layers of the top level in the order of the calls, with shapes and parameters; columns go from left to right.

    Args:
        structure: what `summary` returned.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    layers = [layer for layer in structure.rows if layer["depth"] == 0]
    layout = GraphLayout(len(layers))
    figure = empty_figure(layout.width, layout.height)
    axes = figure.add_axes((0, 0, 1, 1))  # its units are inches
    axes.set_xlim(0, layout.width)
    axes.set_ylim(0, layout.height)
    axes.axis("off")
    _draw_heading(axes, layout, structure)
    boxes = {layer["path"]: layout.box(index) for index, layer in enumerate(layers)}
    for index, layer in enumerate(layers):
        _draw_box(axes, layout.box(index), layer, _count_inside(structure, layer["path"]))
    edges = [(boxes[start], boxes[end]) for start, end in structure.edges if start in boxes and end in boxes]
    lanes = Lanes(layout.top)
    for start, end in sorted(edges, key=lambda edge: abs(edge[0].y - edge[1].y)):  # the shortest nearest to the boxes
        if start != end:
            _draw_arrow(axes, _arrow_points(start, end, lanes))
    return figure


@dataclass(frozen=True)
class Box:
    """Where a layer is drawn: the column and row of its box, and the lower left corner (x, y) in inches."""

    column: int
    row: int
    x: float
    y: float


@dataclass(frozen=True)
class GraphLayout:
    """Where the boxes are: inches from the lower left corner of the figure.

    Attributes:
        count: number of boxes; they fill one column from top to bottom, then the next.
    """

    count: int

    @property
    def columns(self) -> int:
        """How many columns the boxes need."""
        return math.ceil(self.count / MAX_ROWS)

    @property
    def rows(self) -> int:
        """How many boxes are in each column but the last."""
        return math.ceil(self.count / self.columns) if self.count else 1

    @property
    def width(self) -> float:
        """Of the figure."""
        return _column_x(self.columns)

    @property
    def height(self) -> float:
        """Of the figure."""
        return self.rows * (BOX_HEIGHT + GAP) + GAP + HEADING

    @property
    def top(self) -> float:
        """Height of the upper edge of the first row."""
        return self.height - HEADING - GAP

    def box(self, index: int) -> Box:
        """Where the layer of this number is drawn."""
        column, row = divmod(index, self.rows)
        return Box(column, row, _column_x(column), self.top - BOX_HEIGHT - row * (BOX_HEIGHT + GAP))


@dataclass
class Lanes:
    """The lanes between the columns of boxes, which arrows take one after the other, so that no two run on the same line.

    Attributes:
        top: height above the boxes at which arrows pass over whole columns.
    """

    top: float
    _vertical: dict[int, list[list[Point]]] = field(default_factory=dict)  # column -> lane -> (lowest, highest) of each arrow
    _over: int = 0

    def right_of(self, column: int, start: float, end: float) -> float:
        """The x right of a column at which an arrow can run from one height to another; the lane is taken from now on."""
        low, high = min(start, end), max(start, end)
        lanes = self._vertical.setdefault(column, [])
        number = next((number for number, lane in enumerate(lanes) if _is_free(lane, low, high)), len(lanes))
        if number == len(lanes):
            lanes.append([])
        lanes[number].append((low, high))
        room = COLUMN_GAP - 2 * LANE  # with more lanes than fit, the next begin at the left again
        return _column_x(column) + BOX_WIDTH + LANE + (number * LANE) % room

    def above(self) -> float:
        """The height at which one more arrow can pass over the columns."""
        self._over += 1
        return self.top + (self._over * 0.05) % (GAP - 0.05)


def _is_free(lane: list[Point], low: float, high: float) -> bool:
    return all(high < lowest or low > highest for lowest, highest in lane)


def _column_x(column: int) -> float:
    """The left edge of a column."""
    return MARGIN + column * (BOX_WIDTH + COLUMN_GAP)


def _count_inside(structure: Structure, path: str) -> int:
    """How many layers a nested model holds."""
    return sum(layer["path"].startswith(path + "/") for layer in structure.rows)


def _draw_heading(axes: Axes, layout: GraphLayout, structure: Structure) -> None:
    settings = structure.settings
    name = fitted(settings["name"], layout.width - 0.4, 12.5)  # bold letters are wide
    count, trainable = settings["parameters"], settings["trainable"]
    totals = f"{count:,} parameters, {'all' if trainable == count else f'{trainable:,}'} trainable"
    middle = layout.width / 2
    axes.text(middle, layout.height - 0.22, name, ha="center", va="center", fontsize=11, fontweight="bold")
    axes.text(middle, layout.height - 0.42, totals, ha="center", va="center", fontsize=9)


def _draw_box(axes: Axes, box: Box, layer: Mapping[str, Any], inside: int) -> None:
    """Draw a layer: its name and class above, its output's shape and its parameters below."""
    color = next((color for part, color in COLORS.items() if part in layer["kind"]), "white")
    style = "round,pad=0.02,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch((box.x, box.y), BOX_WIDTH, BOX_HEIGHT, boxstyle=style, facecolor=color, edgecolor="0.35", linewidth=0.8)
    )
    kind = fitted(layer["kind"] + (f", {inside} layers" if inside else ""), 0.5 * BOX_WIDTH, 7.5)
    name = fitted(layer["path"], BOX_WIDTH - 0.3 - len(kind) * 7.5 * 0.58 / 72, 10)  # bold letters are wide
    left, right, upper, lower = box.x + 0.1, box.x + BOX_WIDTH - 0.1, box.y + 0.36, box.y + 0.14
    axes.text(left, upper, name, fontsize=9, fontweight="bold", va="center")
    axes.text(right, upper, kind, fontsize=7.5, va="center", ha="right", color="0.25")
    axes.text(left, lower, _shape_text(layer["shape"]), fontsize=8, va="center", color="0.1")
    if layer["parameters"]:
        axes.text(right, lower, f"{layer['parameters']:,} parameters", fontsize=7.5, va="center", ha="right", color="0.25")


def _shape_text(shape: list[int | None]) -> str:
    """The shape of one output without its batch axis."""
    sizes = " \u00d7 ".join("?" if size is None else str(size) for size in shape[1:])
    return sizes or ("one value" if shape else "several outputs")


def _arrow_points(start: Box, end: Box, lanes: Lanes) -> list[Point]:
    """The corners of an arrow: straight down to the next box, else between the columns, so that it crosses no box."""
    if start.column == end.column and end.row == start.row + 1:
        return [(start.x + BOX_WIDTH / 2, start.y), (end.x + BOX_WIDTH / 2, end.y + BOX_HEIGHT)]
    leaves, enters = start.y + BOX_HEIGHT / 2 - 0.1, end.y + BOX_HEIGHT / 2 + 0.1
    x = lanes.right_of(start.column, leaves, enters if end.column <= start.column + 1 else lanes.top)
    right_of_start = [(start.x + BOX_WIDTH, leaves), (x, leaves)]
    if end.column == start.column:
        return [*right_of_start, (x, enters), (end.x + BOX_WIDTH, enters)]
    if end.column == start.column + 1:
        return [*right_of_start, (x, enters), (end.x, enters)]
    over, left_of_end = lanes.above(), lanes.right_of(end.column - 1, enters, lanes.top)  # over the columns between
    return [*right_of_start, (x, over), (left_of_end, over), (left_of_end, enters), (end.x, enters)]


def _draw_arrow(axes: Axes, points: list[Point]) -> None:
    axes.add_patch(
        FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=9, color="0.35", linewidth=0.9, joinstyle="round")
    )
