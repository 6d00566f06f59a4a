"""What an interrupted training needs to go on as if nothing had happened.

Keras' own BackupAndRestore keeps its weights and its epoch number in two files, and leaves the order of the
pictures to chance: a run that it resumes ends elsewhere than one that was not stopped. Here one file holds
every number that training changes (weights, optimizer, the state of each dropout's random numbers), the
history so far, and which run it belongs to.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasdemos.errors import InputError
from kerasdemos.files import whole

NAME = "checkpoint.npz"


@dataclass(frozen=True)
class Checkpoint:
    """The end of an epoch."""

    identity: Mapping[str, Any]  # what must be equal for a run to go on from here: demo, seed, data, precision
    history: tuple[Mapping[str, float], ...]  # one row an epoch
    variables: tuple[np.ndarray, ...]

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.history)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at `path` by this one, or by nothing if the process dies."""
    facts = json.dumps({"identity": checkpoint.identity, "history": checkpoint.history})
    arrays = {f"variable_{index}": array for index, array in enumerate(checkpoint.variables)}
    with whole(path) as temporary:
        np.savez(temporary, facts=np.array(facts), **arrays)


def read(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, None where there is none.

    Raises:
        InputError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            variables = tuple(stored[f"variable_{index}"] for index in range(len(stored.files) - 1))
        return Checkpoint(facts["identity"], tuple(facts["history"]), variables)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} must be a whole checkpoint of `kerasdemos train`. Received: {error}. "
            "Without --resume or --if-missing training starts afresh."
        ) from None


def match(checkpoint: Checkpoint, identity: Mapping[str, Any], *, epochs: int, path: Path) -> None:
    """Refuse to go on from the checkpoint of another run.

    Raises:
        InputError: its settings are others, or it is past the last epoch.
    """
    for key, value in identity.items():
        stored = checkpoint.identity.get(key)
        if stored != value:
            raise InputError(
                f"`{key}` must be {stored!r} to go on from {path}. Received: {value!r}. "
                "Without --resume or --if-missing training starts afresh."
            )
    if checkpoint.epochs > epochs:
        raise InputError(
            f"`epochs` must be at least {checkpoint.epochs} to go on from {path}. Received: {epochs}. "
            "Without --resume or --if-missing training starts afresh."
        )


def fits(path: Path, identity: Mapping[str, Any], *, epochs: int) -> bool:
    """Whether there is a checkpoint at `path` that a run can go on from."""
    try:
        found = read(path)
        if found:
            match(found, identity, epochs=epochs, path=path)
    except InputError:
        return False
    return found is not None
