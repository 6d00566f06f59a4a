"""Notebooks: results are displayed as pictures in IPython."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visualize.results import Result

RESULTS = ("Attribution", "Tiles", "Structure", "Trust")


def show_results_as_pictures() -> None:
    """Let IPython display a result as its figure; outside IPython do nothing, and import nothing.

    A list of results is not displayed as a picture: `visualize.draw` makes one figure of it.
    """
    ipython: Any = sys.modules.get("IPython")  # whatever runs in IPython has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["image/png"]
    for name in RESULTS:
        formatter.for_type_by_name("visualize.results", name, _png)


def _png(result: Result) -> bytes:
    """The figure of a result, as PNG."""
    from visualize.plotting import draw
    from visualize.plotting.figure import png_bytes

    return png_bytes(draw(result))
