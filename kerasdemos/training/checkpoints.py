"""The checkpoint from which an interrupted training goes on as if it had not been interrupted.

Keras' own BackupAndRestore keeps its weights and its epoch number in two files, and leaves the order of the pictures to
chance: a run that it resumes ends with other weights than one that was not stopped. Here one file holds every number that
training changes (weights, optimizer, the state of each dropout's random numbers), the history so far, and which run it
belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kerasdemos.training.card import AFRESH
from visualize._utils.atomic import atomic_path
from visualize._utils.text import first_line
from visualize._utils.validation import received
from visualize.data.arrays import load_arrays
from visualize.errors import InputError

CHECKPOINT = "checkpoint.npz"
MEASURES = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss", "seconds")  # of an epoch, in the order of the file


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
        InputError: the file is damaged, or holds something else.
    """
    if not path.exists():
        return None
    if not path.is_file():  # reading from a pipe would wait forever
        raise InputError(_refusal(path, "something that is not a regular file"))
    try:
        stored = load_arrays(path)
        facts = json.loads(str(stored["facts"]))  # pyright: ignore[reportArgumentType, reportCallIssue]
        variables = tuple(stored[f"variable_{index}"] for index in range(len(stored) - 1))  # pyright: ignore
        checkpoint = Checkpoint(RunIdentity(**facts["identity"]), tuple(facts["history"]), variables)
    except Exception as error:  # zipfile, zlib, NumPy and json raise errors of many kinds
        raise InputError(_refusal(path, first_line(error))) from None
    if not _is_valid(checkpoint):
        raise InputError(_refusal(path, "epochs or arrays of another form"))
    return checkpoint


def check_variables(checkpoint: Checkpoint, expected: Sequence[np.ndarray], *, path: Path) -> None:
    """Refuse a checkpoint whose arrays are not those of a model.

    Raises:
        InputError: other arrays than `expected`, in number, shape or type.
    """
    stored, needed = ([(array.shape, array.dtype) for array in arrays] for arrays in (checkpoint.variables, expected))
    if stored != needed:
        raise InputError(_refusal(path, f"arrays that are not those of {checkpoint.identity.demo}"))


def check_same_run(checkpoint: Checkpoint, identity: RunIdentity, *, epochs: int, path: Path) -> None:
    """Refuse to go on from the checkpoint of another run.

    Raises:
        InputError: its settings are others, or it is past the last epoch.
    """
    stored = asdict(checkpoint.identity)
    for key, value in asdict(identity).items():
        if stored[key] != value:
            raise InputError(f"`{key}` must be {received(stored[key])} to go on from {path}. Received: {value!r}. {AFRESH}")
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


def _is_valid(checkpoint: Checkpoint) -> bool:
    """Whether the epochs are numbered from 1 and have every measure as a number, and whether the arrays are arrays."""
    rows = checkpoint.history
    return (
        all(isinstance(array, np.ndarray) for array in checkpoint.variables)
        and bool(rows)
        and all(isinstance(row, dict) and set(row) >= set(MEASURES) for row in rows)
        and [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
        and all(isinstance(row[name], float) for row in rows for name in MEASURES[1:])
    )


def _refusal(path: Path, what: str) -> str:
    return f"{path} must be a whole checkpoint of `kerasdemos train`. Received: {what}. {AFRESH}"
