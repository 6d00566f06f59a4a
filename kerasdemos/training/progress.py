"""How far a training is, reported a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras

INTERVAL = 0.2  # seconds; more reports would not be seen, and reading the loss waits for the step


@dataclass(frozen=True)
class Progress:
    """A moment of a training."""

    demo: str
    epoch: int  # the one that runs, from 1
    epochs: int
    images: int  # seen by this run, over all its epochs
    remaining: int  # images still to see
    loss: float
    accuracy: float


class ReportProgress(keras.callbacks.Callback):
    """Call `report` with the progress, a few times a second."""

    def __init__(self, report: Callable[[Progress], None], demo: str, *, images: int, batch: int, epochs: int):
        super().__init__()
        self.report, self.demo = report, demo
        self.images, self.batch, self.epochs = images, batch, epochs
        self.first: int | None = None  # epoch of this run
        self.epoch = 0
        self.reported_at = 0.0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start to count."""
        self.first = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Remember the epoch, and the first one of this run."""
        self.epoch = epoch
        self.first = epoch if self.first is None else self.first

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report if the last report is old enough."""
        now = time.monotonic()
        if now - self.reported_at >= INTERVAL:
            self.reported_at = now
            self._report(min((batch + 1) * self.batch, self.images), logs or {})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report the end of the epoch in any case."""
        self._report(self.images, logs or {})

    def _report(self, images: int, logs: Mapping[str, float]) -> None:
        first = self.first or 0
        seen = (self.epoch - first) * self.images + images
        self.report(
            Progress(
                self.demo,
                self.epoch + 1,
                self.epochs,
                images=seen,
                remaining=(self.epochs - first) * self.images - seen,
                loss=float(logs["loss"]),
                accuracy=float(logs["accuracy"]),
            )
        )
