"""A network that learns random labels by heart, where there is nothing to learn.

Article 1 ("深度学习初学的一些理解感悟") shows `model.fit` on 1000 rows of 100 random numbers, each labelled at
random with one of ten classes: Dense(100, relu), Dense(10, softmax), RMSprop, batches of 32, 100 epochs. It
reports an accuracy of some 80 % and goes on.

But the labels do not depend on the numbers, and no network can predict them better than one in ten. What it did
instead is memorize: 11,110 weights are plenty for 1000 labels. This demo measures what the article does not:
the accuracy on 1000 fresh rows. It is between 7 and 13 %, which is chance. Training accuracy alone says
nothing, and that is why every other network in this package is measured on a test set.

The article's calls are those of Keras 1; the network and its rates are unchanged. RMSprop's rate was .001 then
and is .001 now.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.batches import batches_in, shuffled_batches

if TYPE_CHECKING:
    import keras

ROWS, COLUMNS, CLASSES = 1000, 100, 10
BATCH = 32
RATE = 0.001


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Train for `steps` epochs on random labels; rows, weights and batches follow from `seed`."""
    import tensorflow as tf

    x, labels = random_rows(seed)
    fresh_x, fresh_labels = random_rows((seed, 1))
    model = build(seed)
    fitted = model.fit(
        shuffled_batches(x, _one_hot(labels), batch=BATCH, epochs=steps, seed=seed),
        # One batch of all fresh rows: from arrays, `fit` would build a new pipeline in each epoch.
        validation_data=tf.data.Dataset.from_tensors((fresh_x, _one_hot(fresh_labels))),
        epochs=steps,
        steps_per_epoch=batches_in(ROWS, BATCH),
        shuffle=False,
        verbose=0,  # pyright: ignore[reportArgumentType]
    ).history
    train, fresh = _accuracy(model, x, labels), _accuracy(model, fresh_x, fresh_labels)
    history = {
        "epoch": np.arange(1, steps + 1),
        "loss": np.array(fitted["loss"]),
        "accuracy": np.array(fitted["accuracy"]),
        "fresh_loss": np.array(fitted["val_loss"]),
        "fresh_accuracy": np.array(fitted["val_accuracy"]),
    }
    return Outcome(
        lines=(
            f"after {steps} epochs: accuracy {train:.3f} on the rows it was trained on, {fresh:.3f} on fresh rows",
            f"chance is {1 / CLASSES:g}: it has learned nothing about the classes, it has memorized the rows",
        ),
        measures={"training accuracy": train, "accuracy on fresh rows": fresh},
        panels=(_accuracies(history), _losses(history)),
        history=history,
        model=model,
    )


def random_rows(seed: int | tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows from U[0, 1), (1000, 100) float32, and labels 0 to 9 that do not depend on them, (1000,)."""
    random = np.random.default_rng(seed)
    return random.random((ROWS, COLUMNS), np.float32), random.integers(0, CLASSES, ROWS)


def build(seed: int) -> keras.Model:
    """The article's network, compiled."""
    import keras

    def glorot(layer: int) -> keras.Initializer:
        return keras.initializers.GlorotUniform(2 * seed + layer)

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((COLUMNS,), name="row"),
            layers.Dense(100, activation="relu", kernel_initializer=glorot(0), name="hidden"),  # pyright: ignore[reportArgumentType]
            layers.Dense(CLASSES, activation="softmax", kernel_initializer=glorot(1), name="classes"),  # pyright: ignore[reportArgumentType]
        ],
        name="random_classes",
    )
    model.compile(
        optimizer=keras.optimizers.RMSprop(RATE),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=batches_in(ROWS, BATCH),  # one call per epoch: the same steps in half the time
    )
    return model


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(CLASSES, dtype=np.float32)[labels]


def _accuracy(model: keras.Model, x: np.ndarray, labels: np.ndarray) -> float:
    return float((model(x).numpy().argmax(axis=1) == labels).mean())


def _accuracies(history: Mapping[str, np.ndarray]) -> Panel:
    epochs = history["epoch"]
    return Panel(
        title="By heart: nothing carries over to fresh rows",
        x_label="epoch",
        y_label="accuracy",
        curves=(
            Curve(epochs, history["accuracy"], "training rows"),
            Curve(epochs, history["fresh_accuracy"], "fresh rows"),
            Curve(epochs[[0, -1]], np.full(2, 1 / CLASSES), "chance"),
        ),
    )


def _losses(history: Mapping[str, np.ndarray]) -> Panel:
    epochs = history["epoch"]
    return Panel(
        title="The more it memorizes, the surer its errors",
        x_label="epoch",
        y_label="cross-entropy",
        curves=(
            Curve(epochs, history["loss"], "training rows"),
            Curve(epochs, history["fresh_loss"], "fresh rows"),
            Curve(epochs[[0, -1]], np.full(2, np.log(CLASSES)), "knowing nothing"),
        ),
    )


DEMO = Demo(
    name="random_classes",
    article="1",
    idea="a network memorizes random labels, and knows nothing",
    data="1000 random rows",
    parameters=11_110,
    # Seeds reach .83 to .90 and .07 to .13; the article says "about 80 %".
    expected=(
        Expected("training accuracy", 0.865, 0.05, "computed"),
        Expected("accuracy on fresh rows", 0.10, 0.03, "computed"),
    ),
    run=Program(compute, steps=100),
)
