"""Sheet: the maps of every method on three pictures whose truth is known, as one figure (docs/truth.png)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.truth.cases import CASES, Question
from benchmarks.truth.rows import Row, rows
from visualize.errors import InputError
from visualize.report.chooser import COLUMNS, found, number

SHOWN = {case.name: case for case in CASES if case.name in COLUMNS}
PER_LINE = 3  # methods side by side
INCHES = 1.0  # of a map
GAP = 0.3  # of a map
EXPLAINED = 4
PICTURE = 1  # which of the explained ones


def draw_sheet(folder: Path) -> Figure:
    """A block for each method, three maps wide: the texture in a CNN, in a ViT, and the digit of a mosaic; truth is framed."""
    questions = [SHOWN[name].question(EXPLAINED, folder, str) for name in COLUMNS]
    blocks: list[Row | None] = [None, *rows()]
    lines = -(-len(blocks) // PER_LINE)
    widths = ([1.0] * len(questions) + [GAP]) * PER_LINE  # of a map, and of what separates the blocks
    figure = Figure(figsize=(sum(widths) * INCHES, lines * INCHES * 1.35), dpi=80)
    grid = figure.add_gridspec(
        lines, len(widths), width_ratios=widths, left=0.01, right=0.99, top=0.96, bottom=0.01, wspace=0.08, hspace=0.35
    )
    for block, row in enumerate(blocks):
        line, place = divmod(block, PER_LINE)
        left = place * (len(questions) + 1)
        axes = [figure.add_subplot(grid[line, left + column]) for column in range(len(questions))]
        for axis, question, case in zip(axes, questions, COLUMNS, strict=True):
            _draw(axis, question, row, number(found(row.name)[case]) if row else SHOWN[case].title)
        axes[0].set_title(
            row.name if row else "the pictures, and the truth", fontsize=9, loc="left", pad=14, fontweight="bold"
        )
    return figure


def _draw(axes: Axes, question: Question, row: Row | None, below: str) -> None:
    picture = question.images[PICTURE : PICTURE + 1]
    axes.set_box_aspect(1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0, 1.04, below, transform=axes.transAxes, fontsize=8)
    try:
        maps = row.maps(question.model, picture, question.targets[PICTURE : PICTURE + 1])[0] if row else picture[0, ..., 0]
    except InputError:
        axes.text(0.5, 0.5, "refused", transform=axes.transAxes, fontsize=8, ha="center")
        return
    signed = maps.min() < 0
    largest = float(np.percentile(np.abs(maps), 99.5)) or 1.0
    if row is None:
        axes.imshow(maps, cmap="gray")
    elif signed:
        axes.imshow(maps, cmap="RdBu_r", vmin=-largest, vmax=largest)
    else:
        axes.imshow(maps, cmap="magma", vmin=0, vmax=largest)
    ys, xs = np.nonzero(question.masks[PICTURE])
    box = (xs.min() - 1, ys.min() - 1), np.ptp(xs) + 1.5, np.ptp(ys) + 1.5
    axes.add_patch(Rectangle(*box, fill=False, edgecolor="#19a974", linewidth=1.2))
