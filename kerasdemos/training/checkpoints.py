"""The checkpoint from which an interrupted training goes on as if it had not been interrupted.

Keras' own BackupAndRestore keeps its weights and its epoch number in two files, and leaves the order of the pictures to
chance: a run that it resumes ends with other weights than one that was not stopped. Here one file holds every number that
training changes (weights, optimizer, the state of each dropout's random numbers), the history so far, and which run it
belongs to.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from visualize._utils.atomic import atomic_path
from visualize.errors import InputError

CHECKPOINT = "checkpoint.npz"
AFRESH = "Without --resume or --if-missing training starts afresh."


@dataclass(frozen=True)
class RunIdentity:
    """What must be equal for two runs to end with the same numbers, apart from their epochs."""

    demo: str
    seed: int
    data: str
    precision: str | None = None  # float32 or bfloat16; None for a program


@dataclass(frozen=True)
class Checkpoint:
    """The end of an epoch."""

    identity: RunIdentity
    history: tuple[Mapping[str, float], ...]  # one row per epoch
    variables: tuple[np.ndarray, ...]

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.history)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at `path`; if the process dies meanwhile, the old one stays."""
    facts = json.dumps({"identity": asdict(checkpoint.identity), "history": checkpoint.history})
    arrays = {f"variable_{index}": array for index, array in enumerate(checkpoint.variables)}
    with atomic_path(path) as temporary:
        np.savez(temporary, facts=np.array(facts), **arrays)  # pyright: ignore[reportArgumentType]


def read_checkpoint(path: Path) -> Checkpoint | None:
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
        return Checkpoint(RunIdentity(**facts["identity"]), tuple(facts["history"]), variables)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} must be a whole checkpoint of `kerasdemos train`. Received: {error}. {AFRESH}") from None


def check_same_run(checkpoint: Checkpoint, identity: RunIdentity, *, epochs: int, path: Path) -> None:
    """Refuse to go on from the checkpoint of another run.

    Raises:
        InputError: its settings are others, or it is past the last epoch.
    """
    stored = asdict(checkpoint.identity)
    for key, value in asdict(identity).items():
        if stored[key] != value:
            raise InputError(f"`{key}` must be {stored[key]!r} to go on from {path}. Received: {value!r}. {AFRESH}")
    if checkpoint.epochs > epochs:
        raise InputError(f"`epochs` must be at least {checkpoint.epochs} to go on from {path}. Received: {epochs}. {AFRESH}")


def can_go_on(path: Path, identity: RunIdentity, *, epochs: int) -> bool:
    """Whether there is a checkpoint at `path` that a run can go on from."""
    try:
        checkpoint = read_checkpoint(path)
        if checkpoint:
            check_same_run(checkpoint, identity, epochs=epochs, path=path)
    except InputError:
        return False
    return checkpoint is not None
