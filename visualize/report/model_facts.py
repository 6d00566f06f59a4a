"""Facts of a model as text: its file, everything in its card, its history and its layers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from visualize.models.card import card_content
from visualize.models.layers import origin_of
from visualize.report.alt_text import one_line
from visualize.report.page import Table
from visualize.results import Structure

if TYPE_CHECKING:
    import keras

MAX_LETTERS = 300  # of one entry of a card
MAX_ENTRIES = 60  # of a card, or rows of a table in it
MAX_COLUMNS = 8  # of a table in it
MAX_LAYERS = 400
HISTORY = "history.csv"
MODELS = (".keras", ".h5", ".hdf5")


def file_facts(model: keras.Model) -> tuple[tuple[str, str], ...]:
    """The path and the checksum of the model's file."""
    origin = origin_of(model)
    if origin is None:
        return (("name", one_line(model.name)),)
    return (("file", one_line(origin.path, MAX_LETTERS)), ("SHA-256", origin.sha256))


def card_facts(model: keras.Model) -> tuple[tuple[tuple[str, str], ...], tuple[Table, ...]]:
    """Everything in the card beside a model: its entries by name, and its lists of records as tables."""
    content = _card(model)
    tables = tuple(_table(name, value) for name, value in content.items() if _is_table(value))[:MAX_ENTRIES]
    entries = [(one_line(name), _text(value)) for name, value in content.items() if not _is_table(value)]
    cut = [] if len(entries) <= MAX_ENTRIES else [("", f"and {len(entries) - MAX_ENTRIES} more")]
    return (*entries[:MAX_ENTRIES], *cut), tables


def history_file(model: keras.Model) -> Path | None:
    """The CSV file of a model's training: of the model's name; or HISTORY, if the card lists it or no other model is there."""
    origin = origin_of(model)
    if origin is None:
        return None
    path = origin.path
    own, common = path.with_suffix(".csv"), path.with_name(HISTORY)
    if own.is_file():
        return own
    files = _card(model).get("files")
    in_card = isinstance(files, list) and HISTORY in files
    alone = not any(file.suffix in MODELS and file.name != path.name for file in path.parent.iterdir())
    return common if common.is_file() and (in_card or alone) else None


def layer_table(structure: Structure) -> Table:
    """The table of a summary."""
    rows = []
    for row in structure.rows[:MAX_LAYERS]:
        name, kind = "\u2003" * row["depth"] + one_line(row["path"]), one_line(row["kind"])
        rows.append((name, kind, _shape(row["shape"]), f"{row['parameters']:,}"))
    settings, more = structure.settings, len(structure.rows) - len(rows)
    total = f"{settings.parameters:,} parameters, {settings.trainable:,} trainable, {settings.precision}."
    rest = f"And {more} more layers: summary.txt beside this page lists all of them." if more > 0 else ""
    header = ("layer", "class", "output", "parameters")
    return Table(f"Layers in the order of the calls: {total}", header, tuple(rows), numbers=(3,), rest=rest, folded=True)


def _card(model: keras.Model) -> dict[str, object]:
    """The whole card; empty where there is none."""
    origin = origin_of(model)
    path = origin.path.with_suffix(".json") if origin else None
    return {} if path is None or not path.is_file() else card_content(path)


def _shape(shape: Sequence[int | None]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape[1:])


def _is_table(value: object) -> TypeGuard[list[dict[str, object]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) and row for row in value)


def _table(name: str, rows: Sequence[Mapping[str, object]]) -> Table:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    columns = [column for column in columns if any(row.get(column) is not None for row in rows)][:MAX_COLUMNS]
    numbers = [number for number, column in enumerate(columns) if all(_is_number(row.get(column)) for row in rows)]
    cells = tuple(tuple(_text(row.get(column)) for column in columns) for row in rows[:MAX_ENTRIES])
    rest = f"And {len(rows) - MAX_ENTRIES} more." if len(rows) > MAX_ENTRIES else ""
    return Table(one_line(name), tuple(map(one_line, columns)), cells, tuple(numbers), rest, loose=True)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _list_text(texts: Sequence[str], count: int) -> str:
    """As many of the texts as fit on a line, whole, and how many more there are."""
    ends = itertools.accumulate(len(text) + 2 for text in texts)
    fitting = texts[: max(1, sum(end <= MAX_LETTERS for end in ends))]
    more = f" and {count - len(fitting):,} more" if count > len(fitting) else ""
    return one_line(", ".join(fitting), MAX_LETTERS) + more


def _text(value: object) -> str:
    """One entry of a card on one line."""
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return _list_text([_text(element) for element in value[:MAX_LETTERS]], len(value))
    if isinstance(value, dict):
        return one_line(", ".join(f"{name} {_text(element)}" for name, element in value.items()), MAX_LETTERS)
    return one_line(value, MAX_LETTERS)
