"""The tables that the command line prints: the demos, the pretrained networks, the results, a confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kerasdemos.demo import ARTICLES, Demo
from kerasdemos.pretrained.registry import PretrainedNetwork
from kerasdemos.training.card import Result
from visualize._utils.text import printable, shortened

WIDE = 140  # columns of a console from which a demo fits on one line
COLUMNS = {"demo": 16, "part": 13, "data": 20, "parameters": 10, "expected": 26}  # and their widths; the idea gets the rest
MAX_NAME = 40  # letters
HEADINGS = ("demo", "measure", "measured", "expected", "source", "holds")


def demos_table(demos: Iterable[Demo], *, width: int) -> RenderableType:
    """Every demo under the title of its article: its idea, its data, and the first number that it must reproduce.

    A demo has one row in a wide console, and two lines in one of less than WIDE columns.
    """
    wide = width >= WIDE
    rows = _one_line_rows if wide else _two_line_rows
    parts: list[RenderableType] = [_columns(show_header=True)] if wide else []
    for number, of_article in groupby(demos, key=lambda demo: demo.article_number):
        parts += [Text(f"\nArticle {number}: {ARTICLES[number]}", style="bold"), rows(of_article)]
    return Group(*parts)


def pretrained_table(networks: Iterable[PretrainedNetwork]) -> Table:
    """Every pretrained network: the size of its pictures, its parameters, the package of its weights."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("network", "pictures", "parameters", "weights in the package", "installed"):
        table.add_column(name, justify="right" if name == "parameters" else "left")
    for network in networks:
        file = network.weights.file
        size = f"{network.side} x {network.side} x 3"
        table.add_row(network.name, size, f"{network.parameters:,}", file.package, file.version or "no")
    return table


def results_table(runs: Iterable[tuple[str, Sequence[Result]]]) -> Table:
    """Measured beside expected numbers, one row per measure."""
    table = Table(*HEADINGS, box=box.SIMPLE)
    for row in _result_rows(runs):
        table.add_row(*map(_plain, row), style="bold red" if row[-1] == "NO" else None)
    return table


def results_markdown(runs: Iterable[tuple[str, Sequence[Result]]]) -> str:
    """The same as `results_table`, as Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *_result_rows(runs)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def confusion_table(counts: np.ndarray, class_names: Sequence[str]) -> Table:
    """True classes down, predicted ones across."""
    table = Table("true", *map(_plain, class_names), "right", box=box.SIMPLE)
    for column in table.columns:
        column.justify = "right"
    for truth, row in enumerate(counts):
        cells = [f"[bold]{count}[/]" if truth == predicted else str(count or "·") for predicted, count in enumerate(row)]
        share = f"{row[truth] / row.sum():.1%}" if row.sum() else "-"
        table.add_row(_plain(class_names[truth]), *cells, share)
    return table


def format_number(value: float, tolerance: float | None = None) -> str:
    """A number with six significant digits, or with as many more as its tolerance needs."""
    digits = math.ceil(math.log10(abs(value) / tolerance)) if tolerance and value and math.isfinite(value) else 0
    return f"{value:.{min(max(digits, 6), 15)}g}"


def _plain(text: str) -> str:
    """A text of a card as it is, whatever it would mean to a terminal or to rich."""
    return escape(printable(shortened(text, MAX_NAME)))


def _columns(*, show_header: bool) -> Table:
    """An empty table of demos, whose columns are as wide as those of the other articles' tables."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=show_header, header_style="bold")
    for name, width in COLUMNS.items():
        table.add_column(name, width=width, justify="right" if name == "parameters" else "left")
    table.add_column("idea")
    return table


def _one_line_rows(demos: Iterable[Demo]) -> Table:
    table = _columns(show_header=False)
    for demo in demos:
        table.add_row(demo.name, demo.article_part, demo.data, f"{demo.parameters:,}", _first_expected(demo), demo.idea)
    return table


def _two_line_rows(demos: Iterable[Demo]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(width=COLUMNS["demo"])
    table.add_column()
    for demo in demos:
        parameters = f"{demo.parameters:,} parameter{'s' * (demo.parameters != 1)}"
        facts = " · ".join(part for part in (demo.article_part, demo.data, parameters, _first_expected(demo)) if part)
        table.add_row(demo.name, Text.assemble(demo.idea, "\n", (facts, "dim")))
    return table


def _first_expected(demo: Demo) -> str:
    return f"{demo.expected[0].measure}: {format_number(demo.expected[0].value)}"


def _result_rows(runs: Iterable[tuple[str, Sequence[Result]]]) -> Iterator[tuple[str, ...]]:
    for name, results in runs:
        for result in results:
            expected = "-"
            if result.expected is not None and result.tolerance is not None:
                number = format_number(result.expected, result.tolerance)
                expected = f"{number} ± {format_number(result.tolerance)}"
            measured = format_number(result.measured, result.tolerance)
            holds = {True: "yes", False: "NO", None: "-"}[result.holds]
            yield name, result.measure, measured, expected, result.source or "-", holds
