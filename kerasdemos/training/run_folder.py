"""What a finished run leaves in its folder: model, history, picture, and the card last."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasdemos import plotting as figures
from kerasdemos.errors import InputError
from kerasdemos.files import whole
from kerasdemos.training import card

if TYPE_CHECKING:
    import keras

MODEL, HISTORY = "model.keras", "history.csv"


def save(
    folder: Path,
    facts: Mapping[str, Any],
    results: tuple[card.Result, ...],
    *,
    model: keras.Model | None,
    history: Mapping[str, np.ndarray],
    picture: str,
    figure: figures.Figure,
) -> tuple[Path, ...]:
    """Write the files of a run, each whole, and return their paths.

    The card of an earlier run goes first and the new one comes last: a folder with a card holds one finished run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / card.NAME).unlink(missing_ok=True)
    files = []
    if model is not None:
        with whole(folder / MODEL) as temporary:
            model.save(temporary)
        files.append(folder / MODEL)
    if history:
        files.append(_write_history(folder / HISTORY, history))
    files.append(figures.save(figure, folder / picture))
    names = [path.name for path in files]
    return (*files, card.write(folder, {**facts, "files": names}, results))


def check(folder: Path) -> None:
    """Refuse a folder that cannot be written to or made; better told now than when everything is computed.

    Raises:
        InputError: it cannot.
    """
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"`--out` must be a folder that can be written to. Received: {folder}, but {there} is a file.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"`--out` must be a folder that can be written to. Received: {folder}, but {there} is locked.")


def finished(folder: Path) -> Mapping[str, Any] | None:
    """The card of the run that is finished in that folder, None where there is none or one of its files is gone."""
    path = folder / card.NAME
    if not path.exists():
        return None
    found = card.read(path)
    there = "files" in found and all((folder / name).exists() for name in found["files"])
    return found if there else None


def _write_history(path: Path, history: Mapping[str, np.ndarray]) -> Path:
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(history)
        rows.writerows(zip(*(np.asarray(column).tolist() for column in history.values()), strict=True))
    return path
