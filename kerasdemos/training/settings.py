"""The settings of a run: checked before anything is computed, and compared with those of an earlier run."""

from __future__ import annotations

import importlib.util
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasdemos.data.datasets import load_pictures
from kerasdemos.data.validation import check_digits
from kerasdemos.demo import Demo, Network, Pictures, Program
from kerasdemos.training.checkpoints import RunIdentity
from kerasdemos.training.run_folder import check_names_free
from visualize._utils.atomic import check_writable_folder
from visualize.engine.precision import check_precision, settled
from visualize.errors import InputError

MOST_EPOCHS = 10_000_000  # of a network; steps of a program


@dataclass(frozen=True)
class RunSettings:
    """How to run a demo; `kerasdemos.training.run.train` explains each."""

    epochs: int | None = None
    seed: int = 0
    data: str | None = None
    precision: str = "float32"
    out: Path = Path("outputs")
    resume: bool = False
    if_missing: bool = False
    tensorboard: bool = False

    @property
    def keeps_finished_runs(self) -> bool:
        """Whether a finished run may be left alone, and an interrupted one gone on with."""
        return self.resume or self.if_missing

    def folder(self, demo: Demo) -> Path:
        """The folder of the run."""
        return self.out / demo.name

    def epochs_of(self, demo: Demo) -> int:
        """Epochs of a network, steps of a program."""
        return published_epochs(demo) if self.epochs is None else self.epochs

    def check(self, demo: Demo) -> None:
        """Refuse settings that do not fit a demo, before anything is computed or written; imports no TensorFlow.

        Raises:
            InputError: they do not fit.
        """
        if self.epochs is not None and not 1 <= self.epochs <= MOST_EPOCHS:
            raise InputError(f"`epochs` must be from 1 to {MOST_EPOCHS:,}. Received: {self.epochs}.")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"`seed` must be between 0 and {2**31 - 1}. Received: {self.seed}.")
        check_precision(self.precision)
        check_writable_folder("--out", self.folder(demo))
        check_names_free(self.folder(demo))
        if isinstance(demo.run, Program):
            self._check_program(demo, demo.run)
            return
        check_digits(load_pictures(self.data))
        if self.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise InputError(
                'A TensorBoard log needs the package tensorboard: pip install "kerasdemos[tensorboard]". '
                "Received: it is not installed."
            )

    def _check_program(self, demo: Demo, program: Program) -> None:
        if self.data is not None and not program.takes_data:
            raise InputError(f"{demo.name} makes its own data: `--data` must be left out. Received: {self.data}.")
        if self.precision != "float32":
            raise InputError(
                f"{demo.name} trains no network on pictures: `--precision` must be left out. Received: {self.precision}."
            )


def published_epochs(demo: Demo) -> int:
    """The epochs of a network or the steps of a program in its article."""
    return demo.run.steps if isinstance(demo.run, Program) else demo.run.epochs


def run_identity(demo: Demo, settings: RunSettings) -> RunIdentity:
    """What must be equal for an earlier run to be the same; imports TensorFlow unless the precision is float32."""
    precision = settled(settings.precision) if isinstance(demo.run, Network) else None
    return RunIdentity(demo.name, settings.seed, data_name(demo, settings.data), precision)


def data_name(demo: Demo, data: str | None) -> str:
    """The name of the data, with a checksum that tells them from other data of that name."""
    if isinstance(demo.run, Network):
        return _pictures_name(load_pictures(data))
    if data is None:
        return demo.data
    path = Path(data)
    return f"{path.name} (crc32 {_crc32(path):08x})" if path.is_file() else path.name


def _crc32(path: Path) -> int:
    """The checksum of a file of any size."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _pictures_name(pictures: Pictures) -> str:
    train, test = (np.ascontiguousarray(images).data for images in (pictures.train_images, pictures.test_images))
    checksum = zlib.crc32(test, zlib.crc32(train))
    return f"{pictures.name} ({len(pictures.train_images)} + {len(pictures.test_images)}, crc32 {checksum:08x})"
