"""What the command line prints as tables: the demos, the results, a confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from rich import box
from rich.table import Table

from kerasdemos.demo import Demo
from kerasdemos.training.card import Result

WIDE = 120  # columns of a terminal
HEADINGS = ("demo", "measure", "measured", "expected", "source", "holds")


def demos(every: Iterable[Demo], *, width: int) -> Table:
    """One row a demo, with the first number that it must show; where `width` allows, with its idea."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("demo", no_wrap=True)
    table.add_column("article", no_wrap=True)
    table.add_column("data")
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("expected")
    wide = width >= WIDE
    if wide:
        table.add_column("idea")
    for demo in every:
        first = demo.expected[0]
        count = f"{demo.parameters:,}" if demo.parameters else "-"
        idea = (demo.idea,) if wide else ()
        table.add_row(demo.name, demo.article, demo.data, count, f"{first.measure}: {number(first.value)}", *idea)
    return table


def results(every: Iterable[tuple[str, Sequence[Result]]]) -> Table:
    """Measured against expected, one row a measure."""
    table = Table(*HEADINGS, box=box.SIMPLE)
    for row in _cells(every):
        table.add_row(*row, style="bold red" if row[-1] == "NO" else None)
    return table


def markdown(every: Iterable[tuple[str, Sequence[Result]]]) -> str:
    """The same as `results`, as Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *_cells(every)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def confusion(counts: np.ndarray, class_names: Sequence[str]) -> Table:
    """True classes down, predicted ones across."""
    table = Table("true", *class_names, "right", box=box.SIMPLE)
    for column in table.columns:
        column.justify = "right"
    for truth, row in enumerate(counts):
        cells = [f"[bold]{count}[/]" if truth == place else str(count or "·") for place, count in enumerate(row)]
        share = f"{row[truth] / row.sum():.1%}" if row.sum() else "-"
        table.add_row(class_names[truth], *cells, share)
    return table


def number(value: float, tolerance: float | None = None) -> str:
    """A number with six significant digits, or with as many more as the tolerance speaks of."""
    digits = math.ceil(math.log10(abs(value) / tolerance)) if tolerance and value else 0
    return f"{value:.{min(max(digits, 6), 15)}g}"


def _cells(every: Iterable[tuple[str, Sequence[Result]]]) -> Iterable[tuple[str, ...]]:
    for name, rows in every:
        for row in rows:
            expected = "-" if row.expected is None else f"{number(row.expected, row.tolerance)} ± {number(row.tolerance)}"
            holds = {True: "yes", False: "NO", None: "-"}[row.holds]
            yield name, row.measure, number(row.measured, row.tolerance), expected, row.source or "-", holds
