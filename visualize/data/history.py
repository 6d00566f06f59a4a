"""Histories: what a training measured, epoch by epoch, from a file such as Keras' CSVLogger writes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visualize.errors import InputError

OTHER = "val_"  # before the name of what was measured on other data than was trained on


@dataclass(frozen=True, eq=False)
class History:
    """What was measured of a training.

    Attributes:
        epochs: (epochs,) their numbers.
        measures: for each measure its values, (epochs,), by the name of the column; "val_loss" is "loss" on other data.
    """

    epochs: np.ndarray
    measures: dict[str, np.ndarray]

    def pairs(self) -> list[tuple[str, np.ndarray, np.ndarray | None]]:
        """Each measure, its values in training, those on other data: the measures that have both, or all where none has."""
        own = [name for name in self.measures if not name.startswith(OTHER)]
        both = [name for name in own if OTHER + name in self.measures]
        return [(name, self.measures[name], self.measures.get(OTHER + name)) for name in both or own]


def read_history(path: str | Path) -> History:
    """The history in a CSV file: a line of names, then a line of numbers an epoch; `epoch` counts them, where it is there.

    Raises:
        InputError: no such file, or none of that form.
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
            f"`history` must have a line of names, then a line of numbers an epoch. Received: {path}, which has not."
        ) from None
    measures = dict(zip(names, values.T, strict=True))
    epochs = measures.pop("epoch", np.arange(1, len(values) + 1))
    if not len(values) or not any(not name.startswith(OTHER) for name in measures):
        raise InputError(f"`history` must hold what one epoch measured at least. Received: {path}, which holds nothing.")
    return History(epochs, measures)
