"""Sizes: how large a figure may be."""

from __future__ import annotations

from matplotlib.figure import Figure

from visualize.errors import InputError

MOST_PIXELS = 2**16 - 1  # in each direction; matplotlib draws no more


def empty_figure(width: float, height: float, dpi: int) -> Figure:
    """A figure of a size in inches with nothing on it.

    Raises:
        InputError: it would be larger than a picture can be.
    """
    if not 0 < max(width, height) * dpi <= MOST_PIXELS:
        raise InputError(
            f"A figure must have at most {MOST_PIXELS:,} pixels in each direction. "
            f"Received: {width * dpi:,.0f} x {height * dpi:,.0f}. Ask for less in one figure."
        )
    return Figure(figsize=(width, height), dpi=dpi)
