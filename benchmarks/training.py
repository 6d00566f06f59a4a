"""What an epoch of training costs, beside plain Keras `fit`.

    python benchmarks/training.py [--demo digits_cnn] [--images N] [--rounds N]

Plain is `model.fit` on arrays, without progress, history or checkpoint; ours has all three. They take turns in one process,
a few steps of each while the others wait, so that whatever else the machine does slows all of them down. An epoch is its
steps, the validation, and for ours the checkpoint that --resume continues from. The first epoch traces and does not count.
On a machine that is also used by others, compare the seconds of the processor, which do not count what others use.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from kerasdemos import data, registry
from kerasdemos.demo import Network, Split
from kerasdemos.training.checkpoints import RunIdentity
from kerasdemos.training.fit import build, fit
from visualize.engine.precision import resolve

SLICE = 10  # steps of a turn
NETWORKS = {demo.name: demo.run for demo in registry.load_all() if isinstance(demo.run, Network)}


class Turns(keras.callbacks.Callback):
    """Let one training at a time continue, and add up the seconds of each of its epochs: of the clock, of the processor."""

    def __init__(self, mine: threading.Semaphore, others: threading.Semaphore):
        super().__init__()
        self.mine, self.others = mine, others
        self.seconds: list[np.ndarray] = []
        self.began: np.ndarray | None = None

    def on_epoch_begin(self, epoch, logs=None):
        self.pause()
        self.seconds.append(np.zeros(2))

    def on_train_batch_begin(self, batch, logs=None):  # a hook on_train_batch_end would take plain fit out of its own thread
        if batch and batch % SLICE == 0:
            self.pause()

    def pause(self) -> None:
        self.stop()
        self.mine.acquire()
        self.began = now()

    def stop(self) -> None:
        if self.began is not None:
            self.seconds[-1] += now() - self.began
            self.others.release()


def now() -> np.ndarray:
    """Seconds of the clock, and of all cores that this process used."""
    return np.array([time.perf_counter(), time.process_time()])


def plain(network: Network, split: Split, *, epochs: int, turns: Turns) -> None:
    """Keras' own way."""
    silent: dict[str, Any] = {"verbose": 0}
    build(network, seed=0, precision="float32").fit(
        *split.train,
        batch_size=network.batch,
        epochs=epochs,
        validation_data=split.validation,
        validation_batch_size=max(network.batch, 256),
        callbacks=[turns],
        **silent,
    )


def ours(name: str, split: Split, *, epochs: int, turns: Turns, precision: str) -> None:
    """As `kerasdemos train` does it, with a progress bar."""
    with tempfile.TemporaryDirectory() as folder:
        fit(
            NETWORKS[name],
            split,
            epochs=epochs,
            identity=RunIdentity(name, seed=0, data="benchmark", precision=precision),
            checkpoint=Path(folder) / "checkpoint.npz",
            callbacks=(turns,),
            report=lambda moment: None,
        )


def in_turns(trainings: dict[str, Callable[[Turns], None]]) -> dict[str, np.ndarray]:
    """(epochs, 2) for each training: seconds of the clock and of the processor, the first epoch left out."""
    tickets = [threading.Semaphore(0) for _ in trainings]
    turns = [Turns(mine, tickets[(index + 1) % len(tickets)]) for index, mine in enumerate(tickets)]

    def run(training: Callable[[Turns], None], own: Turns) -> None:
        try:
            training(own)
            own.stop()
        except BaseException:
            for ticket in tickets:
                ticket.release(1000)  # no training waits for one that has failed
            raise

    pairs = zip(trainings.values(), turns, strict=True)
    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in pairs]
    for thread in threads:
        thread.start()
    tickets[0].release()
    for thread in threads:
        thread.join()
    return {name: np.array(own.seconds[1:]) for name, own in zip(trainings, turns, strict=True)}


@click.command()
@click.option("--demo", "name", type=click.Choice(list(NETWORKS)), default="digits_cnn", show_default=True)
@click.option("--images", "count", type=int, default=12_800, show_default=True, help="Training pictures per epoch.")
@click.option("--rounds", type=int, default=7, show_default=True)
def main(name: str, count: int, rounds: int) -> None:
    """Print one table."""
    network = NETWORKS[name]
    split = network.split(data.load())
    every = len(split.train[0]) // count or 1
    split = replace(
        split,
        train=tuple(array[:count] for array in split.train),
        validation=tuple(array[::every] for array in split.validation),
    )
    steps = -(-len(split.train[0]) // network.batch)
    options = {"epochs": 1 + rounds}
    seconds = in_turns(
        {
            "plain fit, float32": lambda turns: plain(network, split, **options, turns=turns),
            "kerasdemos, float32": lambda turns: ours(name, split, **options, turns=turns, precision="float32"),
            "kerasdemos, bfloat16": lambda turns: ours(name, split, **options, turns=turns, precision="bfloat16"),
        }
    )
    title = f"{name}, {len(split.train[0]):,} images per epoch, medians of {rounds} ({resolve('auto').reason})"
    heads = ("epoch, s", "step, ms", "of plain", "of float32", "processor, s", "of plain", "of float32")
    table = Table("training", *heads, title=title)
    first, second, _ = seconds.values()
    for row, epochs in seconds.items():
        clock, processor = np.median(epochs, axis=0)
        (plain_clock, plain_processor), (our_clock, our_processor) = (
            np.median(epochs / base, axis=0) for base in (first, second)
        )
        wall = (f"{clock:.2f}", f"{1000 * clock / steps:.1f}", f"{plain_clock:.3f}", f"{our_clock:.3f}")
        table.add_row(row, *wall, f"{processor:.2f}", f"{plain_processor:.3f}", f"{our_processor:.3f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
