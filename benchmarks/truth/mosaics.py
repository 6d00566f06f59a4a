"""Mosaics: four digits in one picture, and two networks that are asked for the class of one of them."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from benchmarks.truth.networks import cnn, convolved
from benchmarks.truth.planted import DIGIT, Planted, digits

CELLS = 2  # along each side
MARGIN = 4  # black around each digit, so that hardly anything of one reaches the maps of another
CELL = DIGIT + 2 * MARGIN
SIDE = CELLS * CELL
CLASSES = 10
CONVOLUTIONS = 4


def single_digits(part: str, count: int, seed: int) -> Planted:
    """Digits of MNIST, which the network is trained on; the whole picture is the class."""
    images, labels = digits(part)
    chosen = np.random.default_rng([seed, part == "test"]).permutation(len(images))[:count]
    pictures = np.pad(images[chosen], ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    return Planted(pictures[..., None], labels[chosen], np.ones(pictures.shape, bool))


def mosaics(part: str, count: int, seed: int, margin: int = MARGIN) -> Planted:
    """Pictures of 2x2 digits, all different; the label and the mask are those of one of the four, each as often as the others.

    Args:
        part: "train" or "test", of MNIST.
        count: how many.
        seed: of everything that is random.
        margin: black pixels around each digit.
    """
    images, labels = digits(part)
    side = DIGIT + 2 * margin
    generator = np.random.default_rng([seed, part == "test"])
    pictures = np.zeros((count, CELLS * side, CELLS * side), "float32")
    masks = np.zeros(pictures.shape, bool)
    targets = np.zeros(count, "int64")
    for number in range(count):
        classes = generator.permutation(CLASSES)[: CELLS**2]
        for cell, label in enumerate(classes):
            own = generator.choice(np.flatnonzero(labels == label))
            pictures[number][_cell(cell, side)] = np.pad(images[own], margin)
        cell = number % CELLS**2
        masks[number][_cell(cell, side)] = True
        targets[number] = classes[cell]
    return Planted(pictures[..., None], targets, masks)


def digit_network() -> keras.Model:
    """The network of single digits."""
    return cnn(CELL, CLASSES, convolutions=CONVOLUTIONS)


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
    corners = mosaic.masks[:, CELL // 2 :: CELL, CELL // 2 :: CELL].reshape(len(mosaic), -1)
    return corners.argmax(axis=1) * CLASSES + mosaic.labels


def _cell(number: int, side: int) -> tuple[slice, slice]:
    row, column = divmod(number, CELLS)
    return slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)


def _with_weights(model: keras.Model, trained: keras.Model) -> keras.Model:
    model.set_weights(trained.get_weights())  # the layers with weights are the same, in the same order
    return model
