"""Fit a network so that it can stop after any epoch and go on as if it had not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasdemos.demo import Network, Split
from kerasdemos.training import checkpoints
from kerasdemos.training.building import build
from kerasdemos.training.progress import Progress, Watch


def fit(
    network: Network,
    split: Split,
    *,
    epochs: int,
    identity: Mapping[str, Any],
    checkpoint: Path,
    resume: bool = False,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    report: Callable[[Progress], None] | None = None,
) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """The network after its epochs, and its history.

    The weights that a run ends with depend on the seed alone, not on how often it was stopped and resumed:
    the initial weights and the random numbers of dropout begin at the seed, and the order of the pictures in
    an epoch follows from the seed and the number of the epoch.

    A network that trained in bfloat16 leaves its weights, which are float32, to one that computes in float32.

    Args:
        network: what to build and how to feed it.
        split: its data.
        epochs: in all, those of a checkpoint included.
        identity: the `demo`, the `seed` of every random choice, the `data`, and the `precision`, float32 or
            bfloat16: a run goes on only from a checkpoint that agrees in all of them.
        checkpoint: file that is replaced after each epoch.
        resume: go on from the checkpoint where there is one.
        callbacks: further Keras callbacks.
        report: gets to know the progress.

    Returns:
        The trained model, which computes in float32, and the history: column -> one value an epoch.

    Raises:
        InputError: the checkpoint is damaged or belongs to another run.
    """
    seed, precision = identity["seed"], identity["precision"]
    found = checkpoints.read(checkpoint) if resume else None
    if found:
        checkpoints.match(found, identity, epochs=epochs, path=checkpoint)
    model = build(network, seed=seed, precision=precision)
    if found:
        _assign(model, found.variables)
    keeper = _Keeper(checkpoint, identity, found.history if found else ())
    order = _Epoch(keeper.done)
    watch = (
        ()
        if report is None
        else (Watch(report, identity["demo"], images=len(split.train[0]), batch=network.batch, epochs=epochs),)
    )
    model.fit(
        batches(*split.train, batch=network.batch, seed=seed, epoch=order.number),
        validation_data=split.validation,
        validation_batch_size=max(network.batch, 256),
        initial_epoch=keeper.done,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[order, *watch, *callbacks, keeper],
    )
    if precision != "float32":
        trained, model = model, build(network, seed=seed, precision="float32")
        _assign(model, _variables(trained))
    columns = ("epoch", *(name for name in keeper.history[0] if name != "epoch"))
    return model, {name: np.array([row[name] for row in keeper.history]) for name in columns}


def batches(images: np.ndarray, labels: np.ndarray, *, batch: int, seed: int, epoch: tf.Variable) -> tf.data.Dataset:
    """The pictures in batches, in an order that follows from the seed and the epoch when iteration begins."""
    every_image, every_label = tf.constant(images), tf.constant(labels)

    def rows(_):
        return tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed=tf.stack([seed, epoch]))

    return (
        tf.data.Dataset.range(1)
        .map(rows)
        .unbatch()
        .batch(batch)
        .map(lambda chosen: (tf.gather(every_image, chosen), tf.gather(every_label, chosen)))
        .prefetch(tf.data.AUTOTUNE)
    )


class _Epoch(keras.callbacks.Callback):
    """Tells the data which epoch it is."""

    def __init__(self, first: int):
        super().__init__()
        self.number = tf.Variable(first, dtype=tf.int32, trainable=False)

    def on_epoch_begin(self, epoch, logs=None):
        self.number.assign(epoch)


class _Keeper(keras.callbacks.Callback):
    """Keeps the history, and writes the checkpoint when an epoch ends."""

    def __init__(self, path: Path, identity: Mapping[str, Any], history: tuple[Mapping[str, float], ...]):
        super().__init__()
        self.path, self.identity, self.history = path, identity, history

    @property
    def done(self) -> int:
        return len(self.history)

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        numbers = {name: float(value) for name, value in logs.items()}
        row = {"epoch": epoch + 1, **numbers, "seconds": round(time.perf_counter() - self.began, 3)}
        self.history = (*self.history, row)
        values = tuple(np.asarray(variable) for variable in _variables(self.model))
        checkpoints.write(self.path, checkpoints.Checkpoint(self.identity, self.history, values))


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Every number that training changes: weights, the states of random numbers, the optimizer."""
    return [*model.variables, *model.optimizer.variables]


def _assign(model: keras.Model, values: Iterable[np.ndarray | keras.Variable]) -> None:
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)
