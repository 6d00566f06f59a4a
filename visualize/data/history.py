"""History: the loss and metrics of each epoch of a training, from a file as Keras' CSVLogger writes it."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visualize._utils.validation import MAX_COUNT
from visualize.errors import InputError

VALIDATION = "val_"  # prefix of what was measured on validation data
MAX_BYTES = 2**26
MAX_EPOCHS, MAX_MEASURES = 10**6, 1000  # what can be drawn in some seconds


@dataclass(frozen=True, eq=False)
class History:
    """What was measured during a training.

    Attributes:
        epochs: (epochs,) the number of each epoch.
        measures: the values of each measure, (epochs,), by the name of its column; "val_loss" is "loss" on validation data.
    """

    epochs: np.ndarray
    measures: dict[str, np.ndarray]

    def pairs(self) -> list[tuple[str, np.ndarray, np.ndarray | None]]:
        """(name, training values, validation values) of each measure that has both; if none has, of each, with None."""
        training = [name for name in self.measures if not name.startswith(VALIDATION)]
        both = [name for name in training if VALIDATION + name in self.measures]
        return [(name, self.measures[name], self.measures.get(VALIDATION + name)) for name in both or training]


def read_history(path: str | Path) -> History:
    """The history in a CSV file: a line of names, then one line of numbers per epoch; a column `epoch` numbers them.

    Raises:
        InputError: the file does not exist, does not have that form, or its epochs are not in ascending order.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"`history` must be a .csv file. Received: {path}, where there is no such file.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"`history` must have at most {MAX_BYTES:,} bytes. Received: {path}, of {path.stat().st_size:,}.")
    try:
        with path.open(encoding="utf-8-sig") as file:
            names, values = _table(row for row in csv.reader(file) if row)
    except (ValueError, csv.Error):
        raise InputError(
            f"`history` must have a line of names, then one line of numbers per epoch. Received: {path}, which differs."
        ) from None
    if len(names) > MAX_MEASURES or len(values) > MAX_EPOCHS:
        raise InputError(
            f"`history` must have at most {MAX_EPOCHS:,} epochs and {MAX_MEASURES:,} measures. Received: {path}, with more."
        )
    measures = dict(zip(names, values.T, strict=True))
    epochs = measures.pop("epoch", np.arange(1, len(values) + 1))
    if not len(values) or not any(not name.startswith(VALIDATION) for name in measures):
        raise InputError(f"`history` must hold at least what one epoch measured. Received: {path}, which holds nothing.")
    if not (np.abs(epochs) <= MAX_COUNT).all() or not (np.diff(epochs) > 0).all():
        raise InputError(
            f"`history` must number its epochs in ascending order, at most {MAX_COUNT}. Received: {path}, which does not."
        )
    return History(epochs, measures)


def _table(rows: Iterable[list[str]]) -> tuple[list[str], np.ndarray]:
    """The names in the first row, and the numbers in the others, (epochs, measures), of no more of them than is allowed.

    Raises:
        ValueError: there is no row, or another one is not as many numbers.
    """
    numbers, rows = array("d"), iter(rows)
    names = next(rows, None)
    if names is None or len(set(names)) < len(names):  # two columns of one name
        raise ValueError
    for count, row in enumerate(rows):
        if len(row) != len(names):
            raise ValueError
        if count > MAX_EPOCHS or len(names) > MAX_MEASURES:
            break
        numbers.extend(map(float, row))
    return names, np.array(numbers).reshape(-1, len(names))
