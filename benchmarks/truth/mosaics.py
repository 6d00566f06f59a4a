"""Mosaics: four digits in one picture, and two networks that are asked for the class of one of them."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from benchmarks.truth.networks import cnn, convolved
from benchmarks.truth.planted import DIGIT, Planted, digits

CELLS = 2  # along each side
SIDE = CELLS * DIGIT
CLASSES = 10
CONVOLUTIONS = 4


def single_digits(part: str, count: int, seed: int) -> Planted:
    """Digits of MNIST, which the network is trained on; the whole picture is the class."""
    images, labels = digits(part)
    chosen = np.random.default_rng([seed, part == "test"]).permutation(len(images))[:count]
    return Planted(images[chosen][..., None], labels[chosen], np.ones((len(chosen), DIGIT, DIGIT), bool))


def mosaics(part: str, count: int, seed: int) -> Planted:
    """Pictures of 2x2 digits, all different; the label and the mask are those of one of the four, each as often as the others.

    Args:
        part: "train" or "test", of MNIST.
        count: how many.
        seed: of everything that is random.
    """
    images, labels = digits(part)
    generator = np.random.default_rng([seed, part == "test"])
    pictures = np.zeros((count, SIDE, SIDE), "float32")
    masks = np.zeros((count, SIDE, SIDE), bool)
    targets = np.zeros(count, "int64")
    for number in range(count):
        classes = generator.permutation(CLASSES)[: CELLS**2]
        for cell, label in enumerate(classes):
            own = generator.choice(np.flatnonzero(labels == label))
            pictures[number][_cell(cell)] = images[own]
        cell = number % CELLS**2
        masks[number][_cell(cell)] = True
        targets[number] = classes[cell]
    return Planted(pictures[..., None], targets, masks)


def digit_network() -> keras.Model:
    """The network of single digits."""
    return cnn(DIGIT, CLASSES, convolutions=CONVOLUTIONS)


def grid_network(trained: keras.Model) -> keras.Model:
    """The network of single digits on a mosaic, as in GridPG (Böhle et al. 2021, arXiv:2104.00032)."""
    return _with_weights(cnn(SIDE, CLASSES, convolutions=CONVOLUTIONS), trained)


def split_network(trained: keras.Model) -> keras.Model:
    """The network of single digits with a head for each cell, which sees the maps of that cell only.

    DiPart of Rao, Böhle & Schiele (2022), arXiv:2205.10435, section 3.1: what lies outside a cell cannot change its scores,
    but for the few pixels at its border that the convolutions of the cell reach.

    Returns:
        A model of 4 x 10 scores, without a softmax: number 10 cell + digit.
    """
    images = keras.Input((SIDE, SIDE, 1), name="images")
    x = convolved(images, CONVOLUTIONS)
    x = layers.AveragePooling2D(x.shape[1] // CELLS, name="mean_of_cells")(x)  # (batch, 2, 2, filters)
    x = layers.Dense(CLASSES, name="scores")(x)
    return _with_weights(keras.Model(images, layers.Flatten(name="scores_of_cells")(x), name="split"), trained)


def targets_of_cells(mosaic: Planted) -> np.ndarray:
    """The number of the score of each mosaic's explained cell in the `split_network`."""
    corners = mosaic.masks[:, DIGIT // 2 :: DIGIT, DIGIT // 2 :: DIGIT].reshape(len(mosaic), -1)
    return corners.argmax(axis=1) * CLASSES + mosaic.labels


def _cell(number: int) -> tuple[slice, slice]:
    row, column = divmod(number, CELLS)
    return slice(row * DIGIT, (row + 1) * DIGIT), slice(column * DIGIT, (column + 1) * DIGIT)


def _with_weights(model: keras.Model, trained: keras.Model) -> keras.Model:
    model.set_weights(trained.get_weights())  # the layers with weights are the same, in the same order
    return model
