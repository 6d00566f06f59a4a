"""Training curves: one panel per measure, one point per epoch."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.ticker import MaxNLocator

from visualize.data.history import History
from visualize.plotting.figure import DPI, ResultFigure
from visualize.plotting.text import fitted

WIDTH, HEIGHT = 4.0, 3.0  # inches of a panel
MAX_COLUMNS = 2
MAX_PANELS = 8
MAX_VALUE = 3.4e38  # about the largest float32, in which losses are computed; the axes of larger ones would overflow


def draw_curves(history: History, *, narrow: bool = False) -> ResultFigure:
    """Draw the measures of a training: in each panel the values on the training data, and on the validation data if known.

    Args:
        history: at most its first eight measures are drawn.
        narrow: whether the panels stand one below the other.
    """
    pairs = history.pairs()[:MAX_PANELS]
    columns = 1 if narrow else min(len(pairs), MAX_COLUMNS)
    rows = math.ceil(len(pairs) / columns)
    figure = ResultFigure(figsize=(WIDTH * columns, HEIGHT * rows), dpi=DPI, layout="constrained")
    for number, (name, training, validation) in enumerate(pairs):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.plot(history.epochs, _drawable(training), ".-", color="C0", label="training")
        if validation is not None:
            axes.plot(history.epochs, _drawable(validation), ".-", color="C1", label="validation")
            axes.legend(fontsize=8)
        axes.set_title(fitted(name, WIDTH - 0.8, 10), fontsize=10)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
    return figure


def _drawable(values: np.ndarray) -> np.ndarray:
    """Values of one measure, (epochs,), with a gap in place of each that a float32 would call infinite."""
    return np.where(np.abs(values) <= MAX_VALUE, values, np.nan)
