"""Tables: one row for each image and method, in a file for each shard and in one for all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

TYPES = {"str": "string"}  # of Arrow, where it calls them otherwise than NumPy


def table_bytes(table: Mapping[str, np.ndarray], kinds: Mapping[str, str], kind: str) -> bytes:
    """The rows of a shard as a file.

    Args:
        table: the columns.
        kinds: the type of each column, in their order.
        kind: "parquet" or "csv".
    """
    if kind == "csv":
        return _csv(table, kinds).encode()
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(_arrow(table, kinds), file, compression="zstd")
    return file.getvalue()


def join_tables(paths: Iterable[Path], file: BinaryIO, kind: str) -> None:
    """Write the rows of several files of one kind into one file, one of them in memory at a time."""
    if kind == "csv":
        for number, path in enumerate(paths):
            lines = path.read_bytes()
            file.write(lines if number == 0 else lines.partition(b"\n")[2])
        return
    import pyarrow.parquet

    writer = None
    for path in paths:
        table = pyarrow.parquet.read_table(path)
        writer = writer or pyarrow.parquet.ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def read_table(path: Path, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The columns of a table; numbers that are missing are NaN, texts None."""
    if path.suffix == ".parquet":
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path, columns=None if columns is None else list(columns))
        return {name: table[name].to_numpy() for name in table.column_names}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        rows = list(reader)
    return {name: _column(name, [row[name] for row in rows]) for name in (names if columns is None else columns)}


def _column(name: str, words: list[str]) -> np.ndarray:
    """A column of a CSV: texts, whole numbers or real ones."""
    if name in ("id", "method", "error"):
        return np.array([word or None for word in words], dtype=object)
    kind = "int64" if name in ("number", "label", "target", "predicted") else "float32"
    return np.array([word or "nan" for word in words]).astype(kind)


def _arrow(table: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> Any:
    """The columns as a table of Arrow, NaN as a missing number."""
    import pyarrow

    arrays = {}
    for name, kind in kinds.items():
        missing = np.isnan(table[name]) if kind == "float32" else None
        arrays[name] = pyarrow.array(table[name], mask=missing, type=pyarrow.type_for_alias(TYPES.get(kind, kind)))
    return pyarrow.table(arrays)


def _csv(table: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> str:
    """The columns as lines with commas between, real numbers with the nine digits that give each float32 back."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kinds)
    cells = {
        name: [format(value, ".9g") if np.isfinite(value) else "" for value in table[name].tolist()]
        if kind == "float32"
        else ["" if value is None else value for value in table[name].tolist()]
        for name, kind in kinds.items()
    }
    writer.writerows(zip(*cells.values(), strict=True))
    return text.getvalue()
