"""A model's structure as a diagram: one box per layer or block, one arrow per tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from visualize.plotting.figure import ResultFigure, empty_figure
from visualize.plotting.graph_blocks import Block, blocks_of, edges_between
from visualize.plotting.text import fits, fitted
from visualize.results import Structure

BOX_WIDTH, GAP = 3.4, 0.26  # inches; the gap is below a box
LAYER_HEIGHT, BLOCK_HEIGHT = 0.52, 0.7  # inches of a box for a layer, and where some boxes are blocks
COLUMN_GAP, MARGIN, HEADING = 0.8, 0.4, 0.56
FOLDED_LINE = 0.18  # inches of a line in the heading that says what is folded
LANE = 0.09  # inches between two arrows that run side by side
MAX_HEIGHT = 16 * (LAYER_HEIGHT + GAP)  # inches of boxes in a column before the next column begins
NARROW_ROOM = (0.1, 0.3, math.inf)  # margin, gap and height of the only column of a narrow diagram
BEHIND = 0.05  # inches by which the box behind a repeated block looks out
COLORS = {  # of the layers with this in the names of their classes
    "Input": "#e8e8e8",
    "Conv": "#cfe3f7",
    "Dense": "#d8f0d3",
    "Pool": "#fbe3c8",
    "Norm": "#eadcf4",
    "Drop": "#f3f3f3",
}
BLOCK_COLOR = "#e7eff6"

Point = tuple[float, float]


def draw_structure(structure: Structure, *, narrow: bool = False) -> ResultFigure:
    """Draw a model in the order of the calls, with shapes and parameters; columns go from left to right.

    A small model has a box for each layer of the top level. A large one is folded into its blocks, see `blocks_of`.

    Args:
        structure: what `summary` returned.
        narrow: whether all boxes are in one column, in a figure of about `NARROW` inches.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    blocks = blocks_of(structure)
    folded = any(not block.is_layer for block in blocks)
    sizes = (BLOCK_HEIGHT, HEADING + FOLDED_LINE) if folded else (LAYER_HEIGHT, HEADING)
    layout = GraphLayout(len(blocks), *sizes, *(NARROW_ROOM if narrow else ()))
    figure = empty_figure(layout.width, layout.height)
    axes = figure.add_axes((0, 0, 1, 1))  # its units are inches
    axes.set_xlim(0, layout.width)
    axes.set_ylim(0, layout.height)
    axes.axis("off")
    _draw_heading(axes, layout, structure, folded=folded)
    own = f"{structure.settings['name']}_"  # that all names begin with it says nothing
    for index, block in enumerate(blocks):
        name = block.name.removeprefix(own)
        if block.is_layer:
            _draw_layer(axes, layout.box(index), name, block.layers[0], _count_inside(structure, block.name))
        else:
            _draw_block(axes, layout.box(index), name, block)
    lanes = Lanes(layout)
    edges = [(layout.box(start), layout.box(end)) for start, end in _edges(structure, blocks)]
    for start, end in sorted(edges, key=lambda edge: abs(edge[0].y - edge[1].y)):  # the shortest nearest to the boxes
        _draw_arrow(axes, _arrow_points(start, end, lanes))
    return figure


def _edges(structure: Structure, blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """The numbers of the blocks between which tensors go, once each."""
    number_of = {layer["path"]: number for number, block in enumerate(blocks) for layer in block.layers}
    pairs = ((number_of[start], number_of[end]) for start, end in edges_between(structure, number_of))
    return list(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))


@dataclass(frozen=True)
class Box:
    """Where a layer or block is drawn: the column and row of its box, its lower left corner (x, y) and height in inches."""

    column: int
    row: int
    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class GraphLayout:
    """Where the boxes are: inches from the lower left corner of the figure.

    Attributes:
        count: number of boxes; they fill one column from top to bottom, then the next.
        box_height: of each.
        heading: height of the heading.
        margin: to the left of the first column.
        column_gap: to the right of each column, where arrows run.
        max_height: of the boxes in a column.
    """

    count: int
    box_height: float
    heading: float
    margin: float = MARGIN
    column_gap: float = COLUMN_GAP
    max_height: float = MAX_HEIGHT

    @property
    def columns(self) -> int:
        """How many columns the boxes need."""
        return math.ceil(self.count / int(min(self.max_height / (self.box_height + GAP), self.count or 1)))

    @property
    def rows(self) -> int:
        """How many boxes are in each column but the last."""
        return math.ceil(self.count / self.columns) if self.count else 1

    @property
    def width(self) -> float:
        """Of the figure."""
        return self.column_x(self.columns)

    @property
    def height(self) -> float:
        """Of the figure."""
        return self.rows * (self.box_height + GAP) + GAP + self.heading

    @property
    def top(self) -> float:
        """Height of the upper edge of the first row."""
        return self.height - self.heading - GAP

    def box(self, index: int) -> Box:
        """Where the layer of this number is drawn."""
        column, row = divmod(index, self.rows)
        y = self.top - self.box_height - row * (self.box_height + GAP)
        return Box(column, row, self.column_x(column), y, self.box_height)

    def column_x(self, column: int) -> float:
        """The left edge of a column."""
        return self.margin + column * (BOX_WIDTH + self.column_gap)


@dataclass
class Lanes:
    """The lanes between the columns of boxes, which arrows take one after the other, so that no two run on the same line.

    Attributes:
        layout: of the boxes; at the upper edge of the first row arrows pass over whole columns.
    """

    layout: GraphLayout
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
        room = self.layout.column_gap - 2 * LANE  # with more lanes than fit, the next begin at the left again
        return self.layout.column_x(column) + BOX_WIDTH + LANE + (number * LANE) % room

    def above(self) -> float:
        """The height at which one more arrow can pass over the columns."""
        self._over += 1
        return self.layout.top + (self._over * 0.05) % (GAP - 0.05)


def _is_free(lane: list[Point], low: float, high: float) -> bool:
    return all(high < lowest or low > highest for lowest, highest in lane)


def _count_inside(structure: Structure, path: str) -> int:
    """How many layers a nested model holds."""
    return sum(layer["path"].startswith(path + "/") for layer in structure.rows)


def _draw_heading(axes: Axes, layout: GraphLayout, structure: Structure, *, folded: bool) -> None:
    settings = structure.settings
    name = fitted(settings["name"], layout.width - 0.4, 12.5)  # bold letters are wide
    count, trainable = settings["parameters"], settings["trainable"]
    totals = f"{count:,} parameters, {'all' if trainable == count else f'{trainable:,}'} trainable"
    middle = layout.width / 2
    if folded:
        note = f"{settings['layers']} layers, folded into blocks"
        axes.text(middle, layout.height - 0.6, note, ha="center", va="center", fontsize=8, color="0.25")
    axes.text(middle, layout.height - 0.22, name, ha="center", va="center", fontsize=11, fontweight="bold")
    axes.text(middle, layout.height - 0.42, totals, ha="center", va="center", fontsize=9)


def _draw_layer(axes: Axes, box: Box, name: str, layer: Mapping[str, Any], inside: int) -> None:
    """Draw a layer: its name and class above, its output's shape and its parameters below."""
    color = next((color for part, color in COLORS.items() if part in layer["kind"]), "white")
    _draw_frame(axes, box, color)
    kind = layer["kind"] + (f", {inside} layers" if inside else "")
    parameters = f"{layer['parameters']:,} parameters" if layer["parameters"] else ""
    _write_lines(axes, box, (name, kind), (_shape_text(layer["shape"]), parameters))


def _draw_block(axes: Axes, box: Box, name: str, block: Block) -> None:
    """Draw a block as a layer, with what it consists of in a third line; a second frame behind it if it is repeated."""
    repeats, part = len(block.parts), block.parts[0]
    if repeats > 1:
        _draw_frame(axes, replace(box, x=box.x + BEHIND, y=box.y - BEHIND), BLOCK_COLOR)
    _draw_frame(axes, box, BLOCK_COLOR)
    count = f"{repeats} \u00d7 {len(part)} layers" if repeats > 1 else f"{len(part)} layers"
    sizes = [sum(layer["parameters"] for layer in part) for part in block.parts]
    each = f"{repeats} \u00d7 {sizes[0]:,}" if repeats > 1 and len(set(sizes)) == 1 else f"{sum(sizes):,}"
    shapes = list(dict.fromkeys(_shape_text(part[-1]["shape"]) for part in block.parts))
    shape = shapes[0] if len(shapes) == 1 else f"{shapes[0]} \u2026 {shapes[-1].rpartition(' ')[2]}"
    _write_lines(axes, box, (name, count), (shape, f"{each} parameters" if any(sizes) else ""))
    contents = _listed(block.contents, BOX_WIDTH - 0.2, 7)
    axes.text(box.x + 0.1, box.y + 0.12, contents, fontsize=7, va="center", color="0.3")


def _draw_frame(axes: Axes, box: Box, color: str) -> None:
    style = "round,pad=0.02,rounding_size=0.06"
    corner = (box.x, box.y)
    frame = FancyBboxPatch(corner, BOX_WIDTH, box.height, boxstyle=style, facecolor=color, edgecolor="0.35", linewidth=0.8)
    axes.add_patch(frame)


def _write_lines(axes: Axes, box: Box, first: tuple[str, str], second: tuple[str, str]) -> None:
    """Write two lines into a box, each with a text at the left and one at the right."""
    right_text = fitted(first[1], 0.5 * BOX_WIDTH, 7.5)
    room = BOX_WIDTH - 0.3 - len(right_text) * 7.5 * 0.58 / 72
    name = first[0]
    if "/" in name and not fits(name, room, 10):
        name = "\u2026/" + name.rpartition("/")[2]  # the last part says more than the nested model that it is in
    name = fitted(name, room, 10)  # bold letters are wide
    left, right = box.x + 0.1, box.x + BOX_WIDTH - 0.1
    upper, lower = box.y + box.height - 0.16, box.y + box.height - 0.38
    axes.text(left, upper, name, fontsize=9, fontweight="bold", va="center")
    axes.text(right, upper, right_text, fontsize=7.5, va="center", ha="right", color="0.25")
    axes.text(left, lower, second[0], fontsize=8, va="center", color="0.1")
    if second[1]:
        axes.text(right, lower, second[1], fontsize=7.5, va="center", ha="right", color="0.25")


def _listed(names: Sequence[str], inches: float, size: float) -> str:
    """Names on one line; if they are too many, the last one behind those of the beginning that fit."""
    for kept in range(len(names), 1, -1):
        shown = names if kept == len(names) else [*names[: kept - 1], "\u2026", names[-1]]
        text = ", ".join(shown)
        if fits(text, inches, size):
            return text
    return fitted(", ".join(names), inches, size)


def _shape_text(shape: list[int | None]) -> str:
    """The shape of one output without its batch axis."""
    sizes = " \u00d7 ".join("?" if size is None else str(size) for size in shape[1:])
    return sizes or ("one value" if shape else "several outputs")


def _arrow_points(start: Box, end: Box, lanes: Lanes) -> list[Point]:
    """The corners of an arrow: straight down to the next box, else between the columns, so that it crosses no box."""
    if start.column == end.column and end.row == start.row + 1:
        return [(start.x + BOX_WIDTH / 2, start.y), (end.x + BOX_WIDTH / 2, end.y + end.height)]
    leaves, enters = start.middle - 0.1, end.middle + 0.1
    x = lanes.right_of(start.column, leaves, enters if end.column <= start.column + 1 else lanes.layout.top)
    right_of_start = [(start.x + BOX_WIDTH, leaves), (x, leaves)]
    if end.column == start.column:
        return [*right_of_start, (x, enters), (end.x + BOX_WIDTH, enters)]
    if end.column == start.column + 1:
        return [*right_of_start, (x, enters), (end.x, enters)]
    over, left_of_end = lanes.above(), lanes.right_of(end.column - 1, enters, lanes.layout.top)  # over the columns between
    return [*right_of_start, (x, over), (left_of_end, over), (left_of_end, enters), (end.x, enters)]


def _draw_arrow(axes: Axes, points: list[Point]) -> None:
    axes.add_patch(
        FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=9, color="0.35", linewidth=0.9, joinstyle="round")
    )
