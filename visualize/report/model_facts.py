"""Facts of a model for people: its file, all of its card, its layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visualize.models.layers import origin_of
from visualize.report.alt_text import shown
from visualize.report.page import Table
from visualize.results import Structure

MOST_LETTERS = 300  # of one entry of a card
MOST_ENTRIES = 60  # of a card, or rows of a table in it
MOST_COLUMNS = 8  # of a table in it
MOST_LAYERS = 400
HISTORY = "history.csv"
MODELS = (".keras", ".h5", ".hdf5")


def of_the_file(model: Any) -> tuple[tuple[str, str], ...]:
    """The model's file."""
    origin = origin_of(model)
    if origin is None:
        return (("name", shown(model.name)),)
    return (("file", shown(origin.path, MOST_LETTERS)), ("SHA-256", origin.sha256))


def of_the_card(model: Any) -> tuple[tuple[tuple[str, str], ...], tuple[Table, ...]]:
    """All that the card beside a model says: entries, and its lists of records as tables."""
    content = _card(model)
    tables = tuple(_table(name, value) for name, value in content.items() if _is_table(value))[:MOST_ENTRIES]
    entries = [(shown(name), _text(value)) for name, value in content.items() if not _is_table(value)]
    cut = [] if len(entries) <= MOST_ENTRIES else [("", f"and {len(entries) - MOST_ENTRIES} more")]
    return (*entries[:MOST_ENTRIES], *cut), tables


def history_of(model: Any) -> Path | None:
    """The CSV file of a model's training: of its own name; or HISTORY, if its card names that or no other model is there."""
    path = origin_of(model).path
    own, common = path.with_suffix(".csv"), path.with_name(HISTORY)
    if own.is_file():
        return own
    files = _card(model).get("files")
    is_told = isinstance(files, list) and HISTORY in files
    alone = not any(one.suffix in MODELS and one.name != path.name for one in path.parent.iterdir())
    return common if common.is_file() and (is_told or alone) else None


def of_the_layers(structure: Structure) -> Table:
    """The table of a summary."""
    rows = [
        ("\u2003" * row["depth"] + shown(row["path"]), shown(row["kind"]), _shape(row["shape"]), f"{row['parameters']:,}")
        for row in structure.rows[:MOST_LAYERS]
    ]
    settings, more = structure.settings, len(structure.rows) - len(rows)
    total = f"{settings['parameters']:,} parameters, {settings['trainable']:,} trainable, {settings['precision']}."
    rest = f"And {more} more layers: summary.txt beside this page has all of them." if more > 0 else ""
    header = ("layer", "class", "output", "parameters")
    return Table(f"Layers in the order of the calls: {total}", header, tuple(rows), numbers=(3,), rest=rest)


def _card(model: Any) -> dict[str, Any]:
    """The whole card; empty where there is none."""
    origin = origin_of(model)
    path = origin.path.with_suffix(".json") if origin else None
    if path is None or not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8-sig"))  # an object: that was checked when the model was opened


def _shape(shape: Any) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape[1:])


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) and row for row in value)


def _table(name: str, rows: list[Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    columns = [column for column in columns if any(row.get(column) is not None for row in rows)][:MOST_COLUMNS]
    numbers = [number for number, column in enumerate(columns) if all(_is_number(row.get(column)) for row in rows)]
    cells = tuple(tuple(_text(row.get(column)) for column in columns) for row in rows[:MOST_ENTRIES])
    rest = f"And {len(rows) - MOST_ENTRIES} more." if len(rows) > MOST_ENTRIES else ""
    return Table(shown(name), tuple(map(shown, columns)), cells, tuple(numbers), rest, loose=True)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _text(value: Any) -> str:
    """One entry of a card on one line."""
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return shown(", ".join(_text(one) for one in value[:MOST_LETTERS]), MOST_LETTERS)
    if isinstance(value, dict):
        return shown(", ".join(f"{name} {_text(one)}" for name, one in value.items()), MOST_LETTERS)
    return shown(value, MOST_LETTERS)
