"""Figures of this package: how large one may be, in which style it is drawn, and its bytes as PNG."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visualize.errors import InputError
from visualize.plotting.style import DPI

VARYING_METADATA = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
NARROW = 3.8  # inches of a figure for a narrow screen: its smallest letters, 7 points, are 9 of 360 pixels high
MAX_PIXELS = 2**16 - 1  # in each direction; matplotlib draws no more


class ResultFigure(Figure):
    """A matplotlib Figure that IPython can show without pyplot."""

    def _repr_png_(self) -> bytes:
        return png_bytes(self)


def empty_figure(width: float, height: float) -> ResultFigure:
    """A figure with nothing on it.

    Args:
        width: in inches, at 120 dots per inch.
        height: likewise.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    if not 0 < max(width, height) * DPI <= MAX_PIXELS:
        raise InputError(
            f"A figure must have at most {MAX_PIXELS:,} pixels in each direction. "
            f"Received: {width * DPI:,.0f} x {height * DPI:,.0f}. Ask for less in one figure."
        )
    return ResultFigure(figsize=(width, height), dpi=DPI)


@contextlib.contextmanager
def default_style() -> Iterator[None]:
    """Matplotlib's default style inside the block: the caller's must not change the bytes of a figure, and is restored."""
    with rc_context():
        rcdefaults()
        yield


def png_bytes(figure: Figure) -> bytes:
    """A figure as PNG; the same figure gives the same bytes."""
    return file_bytes(figure, "png")


def file_bytes(figure: Figure, kind: str) -> bytes:
    """A figure as "png", "svg" or "pdf"; the same figure gives the same bytes."""
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    with default_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # no installed font has the character: a box stands for it
        rcParams["svg.hashsalt"] = "visualize"  # else its identifiers are random
        rcParams["pdf.fonttype"] = 42  # TrueType: text stays text
        # By default savefig takes the dpi that the figure was created with.
        figure.savefig(content, format=kind, dpi=figure.dpi, metadata=dict(VARYING_METADATA[kind]))
    return content.getvalue()
