"""Trust as a figure: a row per method, a panel per measure, the baselines as lines, and what follows in words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from visualize.plotting.figure import NARROW, ResultFigure, empty_figure
from visualize.plotting.text import fitted
from visualize.results import Trust

ROW, PANEL, GAP = 0.34, 1.45, 0.16  # inches: height of a method, width of a measure, between two measures
LEFT, RIGHT = 2.7, 0.2  # inches beside the panels; the names of the methods are on the left
TITLES, AXIS, LEGEND = 0.62, 0.42, 0.34  # inches: the names of the measures, the numbers below them, the legend
NARROW_ROW, NARROW_LEFT, NARROW_PANELS = 0.24, 1.6, 2  # inches likewise, and measures side by side, of a narrow figure
LINE, MARGIN = 0.18, 0.15  # inches of a line of text, and around all
CHARACTERS = 17  # of the text below, in an inch
MARKS = {True: ("o", "#2166ac", "#2166ac"), False: ("X", "#c0392b", "#c0392b"), None: ("o", "#777777", "white")}
WORDS = {True: "\u2713", False: "\u2717", None: "?"}
STYLES = ("-", "--", "-.", ":")  # of the baselines
BASELINE = "#8c6d1f"


def draw_trust(trust: Trust) -> ResultFigure:
    """Draw what was measured of each method, with its 95 % interval, beside the baselines.

    Args:
        trust: what `visualize.trust` returned.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    methods, baselines, columns = _parts(trust)
    width = LEFT + len(columns) * (PANEL + GAP) - GAP + RIGHT
    characters = int((width - 2 * MARGIN) * CHARACTERS)
    answer = textwrap.wrap(trust.answer, int(characters * 0.6)) or [""]
    words = [line for row in methods for line in textwrap.wrap(row["sentence"], characters, subsequent_indent="    ")]
    rows = len(methods) * ROW
    above = MARGIN + (len(answer) + 1) * LINE * 1.25 + TITLES
    height = above + rows + AXIS + LEGEND + len(words) * LINE + 2 * MARGIN
    figure = empty_figure(width, height)
    _write(figure, [*answer], MARGIN, 11, bold=True)
    figure.text(
        MARGIN / width, 1 - (MARGIN + len(answer) * LINE * 1.25) / height, _basis(trust), fontsize=8, va="top", color="#444444"
    )
    bottom = height - above - rows
    for number, column in enumerate(columns):
        left = LEFT + number * (PANEL + GAP)
        axes = figure.add_axes((left / width, bottom / height, PANEL / width, rows / height))
        _fill(axes, column, methods, baselines)
        if not number:
            _name_rows(axes, methods, LEFT - 0.5, 9)
    _add_legend(figure, baselines, bottom - AXIS, len(MARKS) + len(baselines))
    _write(figure, words, height - len(words) * LINE - MARGIN, 8)
    return figure


def draw_trust_narrow(trust: Trust) -> ResultFigure:
    """Draw the same for the screen of a phone, two measures in a row, without the answer and the sentences.

    Args:
        trust: what `visualize.trust` returned.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    methods, baselines, columns = _parts(trust)
    rows = [columns[start : start + NARROW_PANELS] for start in range(0, len(columns), NARROW_PANELS)]
    panel, band = len(methods) * NARROW_ROW, len(methods) * NARROW_ROW + TITLES + AXIS
    basis = textwrap.wrap(_basis(trust), int((NARROW - 2 * MARGIN) * CHARACTERS))
    above, entries = MARGIN + len(basis) * LINE, len(MARKS) + len(baselines)
    legend = -(-entries // NARROW_PANELS) * LINE + MARGIN
    height = above + len(rows) * band + legend + MARGIN
    figure = empty_figure(NARROW, height)
    _write(figure, basis, MARGIN, 7.5)
    width = (NARROW - NARROW_LEFT - MARGIN - (NARROW_PANELS - 1) * GAP) / NARROW_PANELS
    for number, row in enumerate(rows):
        bottom = height - above - (number + 1) * band + AXIS
        for place, column in enumerate(row):
            left = NARROW_LEFT + place * (width + GAP)
            axes = figure.add_axes((left / NARROW, bottom / height, width / NARROW, panel / height))
            _fill(axes, column, methods, baselines)
            if not place:
                _name_rows(axes, methods, NARROW_LEFT - 0.3, 7)
    _add_legend(figure, baselines, legend, NARROW_PANELS)
    return figure


def _parts(trust: Trust) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The methods, the baselines, and the measures that any method has."""
    methods = [row for row in trust.rows if not row["baseline"]]
    baselines = [row for row in trust.rows if row["baseline"]]
    return (
        methods,
        baselines,
        [column for column in trust.columns if any(column["name"] in row["measures"] for row in methods)],
    )


def _fill(
    axes: Axes, column: Mapping[str, Any], methods: Sequence[Mapping[str, Any]], baselines: Sequence[Mapping[str, Any]]
) -> None:
    """One measure: a mark for each method, from the top, and a line for each baseline."""
    name = column["name"]
    for style, row in zip(STYLES, baselines, strict=False):
        if name in row["measures"]:
            axes.axvline(row["measures"][name]["mean"], color=BASELINE, linestyle=style, linewidth=1)
    for number, row in enumerate(methods):
        measure = row["measures"].get(name)
        if measure is None:
            continue
        marker, color, face = MARKS[measure["passes"]]
        if measure["low"] is not None:
            axes.plot([measure["low"], measure["high"]], [number, number], color=color, linewidth=1.4, solid_capstyle="butt")
        axes.plot([measure["mean"]], [number], marker, color=color, markerfacecolor=face, markersize=6)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.set_yticks(range(len(methods)), [""] * len(methods))
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7, length=2, pad=2)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(column["title"], fontsize=8.5, pad=5)
    better = {"low": "\u2190 better", "high": "better \u2192"}.get(column["better"], "")
    axes.set_xlabel(better, fontsize=7, labelpad=1, color="#444444")


def _name_rows(axes: Axes, methods: Sequence[Mapping[str, Any]], room: float, points: float) -> None:
    """The name of each method in `room` inches, and whether it is believed."""
    labels = [f"{fitted(row['name'], room, points)}  {WORDS[row['believed']]}" for row in methods]
    axes.set_yticks(range(len(methods)), labels, fontsize=points)
    for label, row in zip(axes.get_yticklabels(), methods, strict=True):
        label.set_color(MARKS[row["believed"]][1])


def _add_legend(figure: ResultFigure, baselines: Sequence[Mapping[str, Any]], y: float, columns: int) -> None:
    """What marks and lines mean, in `columns` of a block whose top is `y` inches high."""
    texts = {True: "as it should be", False: "not as it should be", None: "not decided"}
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=color, markerfacecolor=face, label=texts[passes])
        for passes, (marker, color, face) in MARKS.items()
    ]
    handles += [
        Line2D([], [], color=BASELINE, linestyle=style, linewidth=1, label=row["name"])
        for style, row in zip(STYLES, baselines, strict=False)
    ]
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, y / figure.get_figheight()), "ncols": columns}
    figure.legend(handles=handles, fontsize=7.5, frameon=False, handletextpad=0.5, columnspacing=1.4, **place)


def _write(figure: ResultFigure, lines: Sequence[str], top: float, size: float, *, bold: bool = False) -> None:
    """Lines of text, the first one `top` inches below the upper edge."""
    width, height = figure.get_size_inches()
    step = LINE * (1.25 if bold else 1)
    for number, line in enumerate(lines):
        y = 1 - (top + number * step) / height
        figure.text(MARGIN / width, y, line, fontsize=size, va="top", weight="bold" if bold else "normal")


def _basis(trust: Trust) -> str:
    """What the figures are means of."""
    images = trust.settings["images"]
    interval = "means and 95 % intervals" if images >= 6 else "means"
    count = "1 image" if images == 1 else f"{images} images"
    return f"{trust.settings['model']}, {count}: {interval}; deletion and insertion of the {trust.settings.unit}"
