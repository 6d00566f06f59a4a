"""Notebooks: results show themselves as pictures in IPython."""

from __future__ import annotations

import sys
from typing import Any

RESULTS = ("Attribution", "Tiles", "Structure")


def show_results_as_pictures() -> None:
    """Where IPython runs, tell it how to draw a result; elsewhere do nothing, and import nothing.

    A list of results has no picture of its own: `visualize.draw` makes one of it.
    """
    ipython = sys.modules.get("IPython")  # nobody can be inside it who has not imported it
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["image/png"]
    for name in RESULTS:
        formatter.for_type_by_name("visualize.results", name, _png)


def _png(result: Any) -> bytes:
    """The picture of a result."""
    from visualize.plotting import draw

    return draw(result)._repr_png_()
