"""How far a training is: what a display gets to know, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import keras

INTERVAL = 0.2  # seconds; a person sees no more, and reading the loss waits for the step


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


class Watch(keras.callbacks.Callback):
    """Tell `report` of the progress, a few times a second."""

    def __init__(self, report: Callable[[Progress], None], demo: str, *, images: int, batch: int, epochs: int):
        super().__init__()
        self.report, self.demo = report, demo
        self.images, self.batch, self.epochs = images, batch, epochs
        self.told = 0.0

    def on_train_begin(self, logs=None):
        """Start to count."""
        self.first = None

    def on_epoch_begin(self, epoch, logs=None):
        """Remember the epoch, and the first one of this run."""
        self.epoch = epoch
        self.first = epoch if self.first is None else self.first

    def on_train_batch_end(self, batch, logs=None):
        """Report if the last report is old enough."""
        now = time.monotonic()
        if now - self.told >= INTERVAL:
            self.told = now
            self._tell(min((batch + 1) * self.batch, self.images), logs)

    def on_epoch_end(self, epoch, logs=None):
        """Report the end of the epoch in any case."""
        self._tell(self.images, logs)

    def _tell(self, images, logs):
        seen = (self.epoch - self.first) * self.images + images
        total = (self.epochs - self.first) * self.images
        self.report(
            Progress(
                self.demo,
                self.epoch + 1,
                self.epochs,
                seen,
                total - seen,
                float(logs["loss"]),
                float(logs["accuracy"]),
            )
        )
