"""What a finished run leaves in its folder: model, history, picture, and the card last."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.plotting import save_figure
from kerasdemos.training.card import CARD, Card, Result, read_card, write_card
from visualize._utils.atomic import atomic_path

if TYPE_CHECKING:
    import keras

    from kerasdemos.plotting import Figure

MODEL, HISTORY = "model.keras", "history.csv"


@dataclass(frozen=True)
class RunFiles:
    """The content of the files of a run, beside its card."""

    model: keras.Model | None
    history: Mapping[str, np.ndarray]  # column -> one value per row
    picture: str  # file name of the figure
    figure: Figure


def write_run(folder: Path, card: Card, results: tuple[Result, ...], files: RunFiles) -> tuple[Path, ...]:
    """Write the files of a run and return their paths.

    The card of an earlier run is removed first and the new one is written last: a folder with a card holds one finished run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    paths = []
    if files.model is not None:
        with atomic_path(folder / MODEL) as temporary:
            files.model.save(temporary)
        paths.append(folder / MODEL)
    if files.history:
        paths.append(_write_history(folder / HISTORY, files.history))
    paths.append(save_figure(files.figure, folder / files.picture))
    names = [path.name for path in paths]
    return (*paths, write_card(folder, {**card, "files": names}, results))


def finished_card(folder: Path) -> Card | None:
    """The card of the run that is finished in a folder, None where there is none or one of its files is missing."""
    path = folder / CARD
    if not path.exists():
        return None
    card = read_card(path)
    complete = "files" in card and all((folder / name).exists() for name in card["files"])
    return card if complete else None


def _write_history(path: Path, history: Mapping[str, np.ndarray]) -> Path:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(history)
        writer.writerows(zip(*(np.asarray(column).tolist() for column in history.values()), strict=True))
    return path
