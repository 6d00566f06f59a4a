"""History: the loss and metrics of each epoch of a training, from a file as Keras' CSVLogger writes it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visualize._utils.validation import MAX_COUNT
from visualize.errors import InputError

VALIDATION = "val_"  # prefix of what was measured on validation data


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
        raise InputError(f"`history` must be a .csv file. Received: {path}, which does not exist.")
    try:
        names, *rows = (row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row)
        values = np.array([[float(cell) for cell in row] for row in rows]).reshape(-1, len(names))  # (epochs, measures)
        if len(values) != len(rows):
            raise ValueError
    except (ValueError, csv.Error):
        raise InputError(
            f"`history` must have a line of names, then one line of numbers per epoch. Received: {path}, which differs."
        ) from None
    measures = dict(zip(names, values.T, strict=True))
    epochs = measures.pop("epoch", np.arange(1, len(values) + 1))
    if not len(values) or not any(not name.startswith(VALIDATION) for name in measures):
        raise InputError(f"`history` must hold at least what one epoch measured. Received: {path}, which holds nothing.")
    if not (np.abs(epochs) <= MAX_COUNT).all() or not (np.diff(epochs) > 0).all():
        raise InputError(
            f"`history` must number its epochs in ascending order, at most {MAX_COUNT}. Received: {path}, which does not."
        )
    return History(epochs, measures)
