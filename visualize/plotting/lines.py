"""Lines: a sequence as curves, one a channel."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

MARGIN = 0.08  # of the height, above the highest and below the lowest number


def draw_line(axes: Axes, sequence: np.ndarray) -> None:
    """Draw (length, channels) over the whole of some axes, from its lowest number to its highest."""
    low, high = float(sequence.min()), float(sequence.max())
    scaled = (sequence - low) / (high - low) if high > low else np.full_like(sequence, 0.5)
    for channel in scaled.T:
        axes.plot(MARGIN + (1 - 2 * MARGIN) * channel, color="black", linewidth=2.4)
        axes.plot(MARGIN + (1 - 2 * MARGIN) * channel, color="white", linewidth=1.0)  # to be seen on any color
    axes.set_xlim(-0.5, len(sequence) - 0.5)
    axes.set_ylim(0, 1)
