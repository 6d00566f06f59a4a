"""A model's structure as a diagram: a box a layer, an arrow a tensor."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from visualize.results import Structure

DPI = 120
BOX_WIDTH, BOX_HEIGHT, GAP = 3.1, 0.52, 0.26  # inches
COLUMN_GAP = 0.9
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
    width = columns * BOX_WIDTH + (columns + 1) * COLUMN_GAP
    height = rows * (BOX_HEIGHT + GAP) + GAP + 0.5
    figure = Figure(figsize=(width, height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    settings = structure.settings
    heading = f"{settings['name']}: {settings['parameters']:,} parameters, {settings['trainable']:,} trainable"
    axes.text(width / 2, height - 0.28, heading, ha="center", va="center", fontsize=11, fontweight="bold")

    places = {}
    for index, row in enumerate(boxes):
        column, line = divmod(index, rows)
        x = COLUMN_GAP + column * (BOX_WIDTH + COLUMN_GAP)
        y = height - 0.5 - GAP - BOX_HEIGHT - line * (BOX_HEIGHT + GAP)
        places[row["path"]] = (x, y, column, line)
        _box(axes, x, y, row, _inside(structure, row["path"]))
    for start, end in structure.edges:
        if start in places and end in places and start != end:
            _arrow(axes, places[start], places[end])
    return figure


def _inside(structure: Structure, path: str) -> int:
    return sum(row["path"].startswith(path + "/") for row in structure.rows)


def _box(axes, x: float, y: float, row, inside: int) -> None:
    color = next((color for part, color in COLORS.items() if part in row["kind"]), "white")
    style = "round,pad=0.02,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch((x, y), BOX_WIDTH, BOX_HEIGHT, boxstyle=style, facecolor=color, edgecolor="0.35", linewidth=0.8)
    )
    kind = row["kind"] + (f", {inside} layers" if inside else "")
    name = row["path"] if len(row["path"]) <= 26 else row["path"][:12] + "\u2026" + row["path"][-13:]
    middle, upper, lower = x + 0.1, y + 0.36, y + 0.14
    axes.text(middle, upper, name, fontsize=9, fontweight="bold", va="center")
    axes.text(x + BOX_WIDTH - 0.1, upper, kind, fontsize=7.5, va="center", ha="right", color="0.25")
    shape = " \u00d7 ".join("?" if size is None else str(size) for size in row["shape"][1:])
    axes.text(middle, lower, shape or "several outputs", fontsize=8, va="center", color="0.1")
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


def _arrow(axes, start: tuple, end: tuple) -> None:
    x0, y0, column0, line0 = start
    x1, y1, column1, line1 = end
    look = {
        "arrowstyle": "-|>",
        "mutation_scale": 9,
        "color": "0.35",
        "linewidth": 0.9,
        "shrinkA": 1,
        "shrinkB": 1,
    }
    if column0 == column1 and line1 == line0 + 1:
        tail, head, bend = (x0 + BOX_WIDTH / 2, y0), (x1 + BOX_WIDTH / 2, y1 + BOX_HEIGHT), "arc3"
    elif column0 == column1:  # past the boxes between, on the right
        tail, head = (x0 + BOX_WIDTH, y0 + BOX_HEIGHT / 2), (x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2)
        bend = f"arc3,rad={-min(0.5, 0.9 / max(1, line1 - line0))}"
    else:  # over to the next column
        tail, head, bend = (x0 + BOX_WIDTH, y0 + BOX_HEIGHT / 2), (x1, y1 + BOX_HEIGHT / 2), "arc3,rad=0.08"
    axes.add_patch(FancyArrowPatch(tail, head, connectionstyle=bend, **look))
