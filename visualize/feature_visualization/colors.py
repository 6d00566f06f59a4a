"""Colors: how those of natural images vary together."""

from __future__ import annotations

import numpy as np

# The square root of the correlations of red, green and blue over ImageNet, as Lucid publishes it (Apache License 2.0;
# lucid/optvis/param/color.py) for Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007.
COLORS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


def color_matrix(channels: int) -> np.ndarray:
    """From decorrelated channels to those of an image, (channels, channels); three channels are red, green and blue.

    A row of decorrelated channels is brightness, red against blue, and green against both. The matrix of red, green and blue
    is `COLORS`, divided by the length of its longest column; other channels are left as they are.
    """
    return COLORS / np.linalg.norm(COLORS, axis=0).max() if channels == 3 else np.eye(channels)
