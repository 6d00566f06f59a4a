"""What a finished run leaves in its folder: model, history, pictures, and the card last."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.plotting import save_figure
from kerasdemos.training.card import CARD, Card, FileFacts, Result, check_finished, read_card, write_card
from kerasdemos.training.checkpoints import CHECKPOINT
from visualize._utils.atomic import atomic_path
from visualize.errors import InputError

if TYPE_CHECKING:
    import keras

    from kerasdemos.plotting import Figure

MODEL, HISTORY, CURVES, FIGURE = "model.keras", "history.csv", "curves.png", "figure.png"


@dataclass(frozen=True)
class RunFiles:
    """The content of the files of a run, beside its card."""

    model: keras.Model | None
    history: Mapping[str, np.ndarray]  # column -> one value per row
    pictures: Mapping[str, Figure]  # file name -> figure


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
    paths += [save_figure(figure, folder / name) for name, figure in files.pictures.items()]
    names = [path.name for path in paths]
    return (*paths, write_card(folder, {**card, "files": names, "contents": _contents(paths)}, results))


def check_names_free(folder: Path) -> None:
    """Refuse a run folder in which a folder has the name of one of its files, before a training of hours ends with it.

    Raises:
        InputError: there is such a folder.
    """
    for name in (MODEL, HISTORY, CURVES, FIGURE, CARD, CHECKPOINT):
        if (folder / name).is_dir():
            raise InputError(
                f"`--out` must leave {folder / name} free for a file of the run. Received: a folder of that name. Remove it, "
                "or choose another --out."
            )


def finished_card(folder: Path) -> Card | None:
    """The card of the run that is finished in a folder, None where there is none or where one of its files is not whole.

    Raises:
        InputError: there is a card of another program.
    """
    path = folder / CARD
    if not path.exists():
        return None
    card = check_finished(read_card(path), path)
    paths = [folder / name for name in card.get("files", [])]
    if not all(each.is_file() for each in paths):
        return None
    return card if card.get("contents") in (None, _contents(paths)) else None  # older cards do not have them


def _contents(paths: Sequence[Path]) -> dict[str, FileFacts]:
    """The size and the checksum of each file, by its name."""
    contents: dict[str, FileFacts] = {}
    for path in paths:
        with path.open("rb") as file:
            contents[path.name] = {
                "bytes": path.stat().st_size,
                "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }
    return contents


def _write_history(path: Path, history: Mapping[str, np.ndarray]) -> Path:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(history)
        writer.writerows(zip(*(np.asarray(column).tolist() for column in history.values()), strict=True))
    return path
