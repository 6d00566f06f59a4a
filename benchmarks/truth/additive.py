"""Additive: a network whose score is a sum over squares of the picture, so that what each contributes is known exactly."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

SIDE = 56
CELL = 7  # side of the squares
CELLS = SIDE // CELL
CLASSES = 4
SEED = 0


def additive_network() -> keras.Model:
    """A network with random weights that looks at squares of 7x7 pixels one by one and adds up what it finds.

    Each square is an input to the same small network of two hidden layers, which is not linear. No training is needed: the
    truth holds for any weights.
    """
    images = keras.Input((SIDE, SIDE, 1), name="images")
    x = layers.Conv2D(32, CELL, CELL, activation="relu", name="squares", **_random(SEED))(images)
    x = layers.Conv2D(16, 1, activation="relu", name="hidden", **_random(SEED + 2))(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    scores = layers.Dense(CLASSES, kernel_initializer=keras.initializers.RandomNormal(0, 1, SEED + 4), name="scores")(x)
    return keras.Model(images, layers.Softmax(name="classes")(scores), name="additive")


def contributions(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """What each square adds to the score of its picture's target, beyond what a black one would add: (count, 8, 8)."""
    kernel = model.get_layer("scores").get_weights()[0]  # (filters, classes)
    maps = keras.Model(model.input, model.get_layer("hidden").output)
    parts, black = (maps.predict(pictures, verbose=0) @ kernel / CELLS**2 for pictures in (images, np.zeros_like(images[:1])))
    return np.take_along_axis(parts - black, targets[:, None, None, None], axis=-1)[..., 0]


def sums_of_cells(maps: np.ndarray) -> np.ndarray:
    """The sums of maps over the squares, (count, 8, 8)."""
    return maps.reshape(len(maps), CELLS, CELL, CELLS, CELL).sum(axis=(2, 4))


def _random(seed: int) -> dict[str, keras.Initializer]:
    return {
        "kernel_initializer": keras.initializers.HeNormal(seed),
        "bias_initializer": keras.initializers.RandomNormal(0, 0.1, seed + 1),
    }
