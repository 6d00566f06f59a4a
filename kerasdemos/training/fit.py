"""Build and fit a network, so that it can stop after any epoch and go on as if it had not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import keras
import numpy as np
import tensorflow as tf

from kerasdemos.demo import Network, Split
from kerasdemos.training.checkpoints import (
    MEASURES,
    Checkpoint,
    RunIdentity,
    check_same_run,
    check_variables,
    read_checkpoint,
    write_checkpoint,
)
from kerasdemos.training.progress import Progress, ReportProgress

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
EVALUATION_BATCH = 256


def fit(
    network: Network,
    split: Split,
    *,
    epochs: int,
    identity: RunIdentity,
    checkpoint: Path,
    resume: bool = False,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    report: Callable[[Progress], None] | None = None,
) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """The network after its epochs, and its history.

    The weights that a run ends with depend on the seed alone, not on how often it was stopped and resumed: the initial
    weights and the random numbers of dropout begin at the seed, and the order of the pictures in an epoch follows from the
    seed and the number of the epoch.

    A network that trained in bfloat16 leaves its weights, which are float32, to one that computes in float32.

    Args:
        network: what to build and how to feed it.
        split: its data.
        epochs: in all, those of a checkpoint included.
        identity: the demo, the seed of every random choice, the data, and the precision, float32 or bfloat16: a run goes on
            only from a checkpoint that agrees in all of them.
        checkpoint: file that is replaced after each epoch.
        resume: go on from the checkpoint where there is one.
        callbacks: further Keras callbacks.
        report: called with the progress.

    Returns:
        The trained model, which computes in float32, and the history: column -> one value per epoch.

    Raises:
        InputError: the checkpoint is damaged or belongs to another run.
    """
    precision = identity.precision or "float32"
    before = read_checkpoint(checkpoint) if resume else None
    if before:
        check_same_run(before, identity, epochs=epochs, path=checkpoint)
    model = build(network, seed=identity.seed, precision=precision)
    if before:
        check_variables(before, _arrays(model), path=checkpoint)
        _assign(model, before.variables)
    keeper = _KeepCheckpoint(checkpoint, identity, before.history if before else ())
    counter = _CountEpochs(keeper.epochs)
    progress = (
        ()
        if report is None
        else (ReportProgress(report, identity.demo, images=len(split.train[0]), batch=network.batch, epochs=epochs),)
    )
    model.fit(
        batches(*split.train, batch=network.batch, seed=identity.seed, epoch=counter.epoch),
        validation_data=split.validation,
        validation_batch_size=max(network.batch, EVALUATION_BATCH),
        initial_epoch=keeper.epochs,
        epochs=epochs,
        shuffle=False,
        verbose=0,  # pyright: ignore[reportArgumentType]  (Keras annotates str and documents int)
        callbacks=[counter, *progress, *callbacks, keeper],
    )
    if precision != "float32":
        trained, model = model, build(network, seed=identity.seed, precision="float32")
        _assign(model, _variables(trained))
    return model, {name: np.array([row[name] for row in keeper.history]) for name in MEASURES}


def build(network: Network, *, seed: int, precision: str) -> keras.Model:
    """The compiled network with its initial weights, its optimizer ready.

    In bfloat16 the layers compute in bfloat16; the weights, the optimizer, the last layer, the loss and the accuracy
    stay in float32 (Micikevicius et al. (2017), arXiv:1710.03740, section 3.1, with bfloat16 in place of float16).

    Args:
        network: what to build.
        seed: of the initial weights and of dropout. They are the same in either precision.
        precision: float32 or bfloat16, whatever Keras' global policy is; that policy is restored.

    Returns:
        A new model.
    """
    with _python_seed(seed), _global_policy(POLICIES[precision]):
        model = network.build()
    model.layers[-1].dtype_policy = "float32"  # bfloat16 has no number between 0.9961 and 1, where probabilities end
    model.optimizer.build(model.trainable_variables)
    return model


def batches(images: np.ndarray, labels: np.ndarray, *, batch: int, seed: int, epoch: tf.Variable) -> tf.data.Dataset:
    """The pictures in batches, in an order that follows from the seed and the value of `epoch` when iteration begins."""
    all_images, all_labels = tf.constant(images), tf.constant(labels)

    def shuffled_rows(_: tf.Tensor) -> tf.Tensor:
        shuffle = tf.random.experimental.stateless_shuffle  # pyright: ignore[reportAttributeAccessIssue]
        return shuffle(tf.range(len(images)), seed=tf.stack([seed, epoch]))

    return (
        tf.data.Dataset.range(1)
        .map(shuffled_rows)
        .unbatch()
        .batch(batch)
        .map(lambda rows: (tf.gather(all_images, rows), tf.gather(all_labels, rows)))
        .prefetch(tf.data.AUTOTUNE)
    )


class _CountEpochs(keras.callbacks.Callback):
    """Keeps the number of the epoch in a variable, from which the order of the pictures follows."""

    def __init__(self, first: int):
        super().__init__()
        self.epoch = tf.Variable(first, dtype=tf.int32, trainable=False)  # pyright: ignore[reportArgumentType]

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch.assign(epoch)


class _KeepCheckpoint(keras.callbacks.Callback):
    """Keeps the history, and writes the checkpoint when an epoch ends."""

    def __init__(self, path: Path, identity: RunIdentity, history: tuple[Mapping[str, float], ...]):
        super().__init__()
        self.path, self.identity, self.history = path, identity, history

    @property
    def epochs(self) -> int:
        return len(self.history)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        row = {"epoch": epoch + 1, **numbers, "seconds": round(time.perf_counter() - self.began, 3)}
        self.history = (*self.history, row)
        write_checkpoint(self.path, Checkpoint(self.identity, self.history, _arrays(cast(keras.Model, self.model))))


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Every number that training changes: weights, the states of random numbers, the optimizer."""
    return [*model.variables, *model.optimizer.variables]


def _arrays(model: keras.Model) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(variable) for variable in _variables(model))


def _assign(model: keras.Model, values: Iterable[np.ndarray | keras.Variable]) -> None:
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)


@contextmanager
def _python_seed(seed: int) -> Iterator[None]:
    """Seed Python's random numbers, from which Keras draws the seeds of initializers and dropouts, and restore them."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def _global_policy(name: str) -> Iterator[None]:
    """Set Keras' global policy, which layers take when they are built, and restore it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
