"""Draw a run: learning curves, panels of numbers, a confusion matrix.

This is the only file of kerasdemos that imports matplotlib.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kerasdemos.demo import Curve, Panel
from visualize._utils.atomic import atomic_path
from visualize._utils.text import printable, shortened
from visualize.plotting.text import make_literal

WIDTH, HEIGHT = 5.2, 3.9  # of one panel, in inches
MAX_NAME = 40  # letters of a class
CLOUD = 30  # from this many points on, they would hide a line


def draw_panels(panels: Sequence[Panel], *, title: str) -> Figure:
    """Panels side by side, three to a row; a label has the same color in all of them."""
    labels = dict.fromkeys(curve.label for panel in panels for curve in panel.curves)
    colors = {label: f"C{index % 10}" for index, label in enumerate(labels)}
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    for index, panel in enumerate(panels):
        _draw_panel(figure.add_subplot(rows, columns, index + 1), panel, colors)
    return figure


def draw_curves(history: Mapping[str, np.ndarray], *, watched: str, title: str) -> Figure:
    """Loss and accuracy of each epoch, on the training data and on the `watched` ("validation" or "test") data."""
    epochs = np.asarray(history["epoch"])
    panels = []
    for measure in ("loss", "accuracy"):
        lines = [(measure, "training, during the epoch"), (f"val_{measure}", f"{watched}, after it")]
        panels.append(
            Panel(
                title="",
                x_label="epoch",
                y_label=measure,
                curves=tuple(Curve(epochs, np.asarray(history[key]), label) for key, label in lines),
            )
        )
    figure = draw_panels(panels, title=title)
    for axes in figure.axes:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for line in axes.lines:
            line.set_marker(".")  # a single epoch has no line
    return figure


def draw_confusion(counts: np.ndarray, class_names: Sequence[str], *, title: str) -> Figure:
    """How often each class was predicted as each class: counts in the cells, colors for the mistakes."""
    names = [printable(shortened(name, MAX_NAME)) for name in class_names]
    size = 0.62 * len(names) + 2
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.add_subplot()
    mistakes = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(mistakes.max(), 1))
    for truth, row in enumerate(counts):
        for predicted, count in enumerate(row):
            dark = truth != predicted and count > 0.6 * max(mistakes.max(), 1)
            axes.text(
                predicted,
                truth,
                f"{count:d}" if count else "·",
                ha="center",
                va="center",
                fontsize=9,
                fontweight="bold" if truth == predicted else "normal",
                color="white" if dark else "black",
            )
    axes.set(title=title, xlabel="predicted", ylabel="true")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    make_literal(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and return its path; the same figure gives the same bytes."""
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # no installed font has the character: a box stands for it
        figure.savefig(temporary, dpi=120, metadata={"Software": None})
    return path


def _draw_panel(axes: Axes, panel: Panel, colors: Mapping[str, str]) -> None:
    for curve in panel.curves:
        _draw_curve(axes, curve, color=colors[curve.label])
    axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    if panel.notes:
        _write_notes(axes, panel.notes)
    else:
        axes.grid(alpha=0.25)
    if panel.log_y:
        axes.set_yscale("log")
    if axes.get_legend_handles_labels()[1]:
        # Below the axes, because inside it would cover the curves.
        axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _write_notes(axes: Axes, notes: Sequence[tuple[float, float, str]]) -> None:
    for x, y, text in notes:
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        axes.text(x, y, text, ha="center", va="center", bbox=box, zorder=5)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.15)


def _draw_curve(axes: Axes, curve: Curve, *, color: str) -> None:
    """Draw one curve; a cloud of points lies below the lines, a few points or a path above them."""
    label = curve.label or None
    if curve.style == "points":
        order = 3 if np.size(curve.x) < CLOUD else 1.9  # matplotlib draws lines at 2
        axes.scatter(curve.x, curve.y, s=22, alpha=0.8, color=color, label=label, zorder=order)
    elif curve.style == "path":
        label = f"{curve.label} (\N{WHITE CIRCLE} start, \N{BLACK CIRCLE} end)".strip()
        axes.plot(curve.x, curve.y, ".-", markersize=4, linewidth=1, color=color, label=label, zorder=3)
        for index, fill in ((0, "white"), (-1, color)):
            axes.plot(curve.x[index], curve.y[index], "o", color=color, markerfacecolor=fill, markersize=8, zorder=4)
    else:
        axes.plot(curve.x, curve.y, color=color, label=label)
