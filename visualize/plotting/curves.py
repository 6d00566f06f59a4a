"""Training curves: a panel a measure, a point an epoch."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from visualize.data.history import History
from visualize.plotting.text import fitted

DPI = 120
WIDTH, HEIGHT = 4.0, 3.0  # inches of a panel
MOST_COLUMNS = 2
MOST_PANELS = 8


def draw_curves(history: History) -> Figure:
    """One panel a measure: what it was in training, and on other data, after each epoch."""
    pairs = history.pairs()[:MOST_PANELS]
    columns = min(len(pairs), MOST_COLUMNS)
    rows = math.ceil(len(pairs) / columns)
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows), dpi=DPI, layout="constrained")
    for number, (name, own, other) in enumerate(pairs):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.plot(history.epochs, own, ".-", color="C0", label="training")
        if other is not None:
            axes.plot(history.epochs, other, ".-", color="C1", label="validation")
            axes.legend(fontsize=8)
        axes.set_title(fitted(name, WIDTH - 0.8, 10), fontsize=10)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
    return figure
