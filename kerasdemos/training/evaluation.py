"""How good a trained network is: its loss, its accuracy, and which classes it confuses."""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np

from kerasdemos import registry
from kerasdemos.data.datasets import load_pictures
from kerasdemos.data.validation import CLASSES, check_digits
from kerasdemos.demo import Network, Pictures
from kerasdemos.training.card import CARD, Card, read_card
from visualize._utils.validation import is_number, received
from visualize.errors import InputError
from visualize.models.safe_loading import check_file, weights_size

MAX_NUMBER = 1e30  # by which pixels are divided, or which is subtracted from them


@dataclass(frozen=True)
class Evaluation:
    """What was measured on the test pictures of a data set."""

    loss: float  # as in training, including regularization losses where a network has them
    accuracy: float
    counts: np.ndarray  # (classes, classes): true class down, predicted across
    class_names: tuple[str, ...]
    data: str


@dataclass(frozen=True)
class TrainedNetwork:
    """A saved network and what is needed to measure it; nothing of it was loaded yet."""

    path: Path
    name: str
    network: Network
    scale: float
    mean: float
    class_names: tuple[str, ...]
    loss: str


def evaluate(path: Path, source: str | None = None) -> Evaluation:
    """Measure the model at `path`, which has its card beside it, on test pictures.

    The weights are read into the network of the demo that the card names. Nothing else in the file is read: nothing that it
    names is imported, run or created.

    Args:
        path: of a `.keras` file that `kerasdemos.training.run.train` wrote.
        source: a directory of IDX files or a `.npz` file; None for the packaged MNIST.

    Returns:
        Evaluation: the loss, the accuracy in 0 to 1, and how often each class was predicted as each class.

    Raises:
        InputError: the file, its card or the data cannot be used.
    """
    trained, pictures = check_evaluation(path, source)

    from kerasdemos.training.fit import build

    model = build(trained.network, seed=0, precision="float32")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the state of its optimizer does not matter here
            weights_size(path)  # refuses what would crash or fill the memory
            model.load_weights(path)
    except InputError:
        raise
    except Exception as error:  # Keras, h5py and zipfile raise what they like
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"`MODEL` must hold the weights of {trained.name}. Received: {path}: {reason}") from None
    images = (pictures.test_images / np.float32(trained.scale) - np.float32(trained.mean)).astype(np.float32)
    inputs = images.reshape(-1, *model.input_shape[1:])
    outputs = model.predict(inputs, batch_size=256, verbose=0)  # pyright: ignore[reportArgumentType]
    labels = pictures.test_labels.astype(np.int64)
    counts = confusion(labels, outputs.argmax(axis=1), classes=outputs.shape[1])
    return Evaluation(
        _loss(trained.loss, labels, outputs) + float(sum(model.losses)),
        float(np.trace(counts) / counts.sum()),
        counts,
        trained.class_names,
        pictures.name,
    )


def check_evaluation(path: Path, source: str | None = None) -> tuple[TrainedNetwork, Pictures]:
    """What `evaluate` works on, checked before TensorFlow is imported.

    Raises:
        InputError: the file, its card or the data cannot be used.
    """
    if path.is_dir():
        raise InputError(f"`MODEL` must be a .keras file, such as {path / 'model.keras'}. Received: {path}, a directory.")
    if not path.is_file():
        raise InputError(f"`MODEL` must be a .keras file. Received: {path}, which does not exist.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"`MODEL` must be a whole .keras file. Received: {path}, which is damaged or of another format.")
    check_file(path)
    trained = _trained_network(path, read_card(path.with_name(CARD)))
    pictures = load_pictures(source)
    check_digits(pictures)
    return trained, pictures


def confusion(labels: np.ndarray, predicted: np.ndarray, *, classes: int) -> np.ndarray:
    """(classes, classes) counts: true class down, predicted class across."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _trained_network(path: Path, card: Card) -> TrainedNetwork:
    """The network that a card describes.

    Raises:
        InputError: it is none, or the card lacks what a measurement needs.
    """
    if "demo" not in card:
        raise InputError(
            f"`MODEL` must be a network that `kerasdemos train` wrote. Received: {path}, whose card names no demo."
        )
    demo = registry.load(str(card["demo"]))
    if not isinstance(demo.run, Network):
        raise InputError(f"`MODEL` must be a network that reads pictures. Received: {demo.name}.")
    scale, mean, names = card.get("scale"), card.get("mean"), card.get("class_names")
    if not _is_moderate(scale) or not _is_moderate(mean) or abs(scale) < 1 / MAX_NUMBER:
        raise InputError(
            f"`scale` and `mean` of the card must be numbers of at most {MAX_NUMBER:g}, `scale` at least {1 / MAX_NUMBER:g}. "
            f"Received: {received([scale, mean])}."
        )
    if not isinstance(names, list) or len(names) != CLASSES or not all(isinstance(name, str) for name in names):
        raise InputError(f"`class_names` of the card must be {CLASSES} names. Received: {received(names)}.")
    return TrainedNetwork(path, demo.name, demo.run, scale, mean, tuple(names), str(card.get("loss")))


def _is_moderate(value: object) -> TypeGuard[float]:
    """Whether a value is a number with which float32 arithmetic on pixels does not overflow."""
    return is_number(value) and abs(value) <= MAX_NUMBER


def _loss(name: str, labels: np.ndarray, outputs: np.ndarray) -> float:
    outputs = outputs.astype(np.float64)  # in which the squares of huge outputs do not overflow
    if name == "sparse_categorical_crossentropy":
        right = np.take_along_axis(outputs, labels[:, None], axis=1)
        return float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).mean())
    one_hot = np.eye(outputs.shape[1])[labels]
    return float(((outputs - one_hot) ** 2).mean())
