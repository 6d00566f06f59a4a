"""How good a trained network is: its loss, its accuracy, what it takes for what."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasdemos import registry as catalogue
from kerasdemos.data import load as load_pictures
from kerasdemos.data import validation as checks
from kerasdemos.demo import Network
from kerasdemos.errors import InputError
from kerasdemos.training import card


@dataclass(frozen=True)
class Evaluation:
    """What was measured on the test pictures of a data set."""

    loss: float  # as in training, so with the penalties on weights where a network has them
    accuracy: float
    counts: np.ndarray  # (classes, classes): true class down, predicted across
    class_names: tuple[str, ...]
    data: str


def evaluate(path: Path, source: str | None = None) -> Evaluation:
    """Measure the model at `path`, which has its card beside it, on test pictures.

    The weights are read into the network of the demo that the card names. What else the file holds is not looked at: nothing
    that it names is imported, run or made.

    Args:
        path: of a `.keras` file that `training.train` wrote.
        source: a directory of IDX files or a `.npz` file; None for the packaged MNIST.

    Returns:
        Evaluation: the loss, the accuracy in 0 to 1, and how often each class was taken for each.

    Raises:
        InputError: the file, its card or the data cannot be used.
    """
    if path.is_dir():
        raise InputError(f"`MODEL` must be a .keras file, such as {path / 'model.keras'}. Received: {path}, a directory.")
    if not path.is_file():
        raise InputError(f"`MODEL` must be a .keras file. Received: {path}, which does not exist.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"`MODEL` must be a whole .keras file. Received: {path}, which is none, or half of one.")
    facts = card.read(path.with_name(card.NAME))
    demo = catalogue.load(str(facts.get("demo")))
    if not isinstance(demo.run, Network):
        raise InputError(f"`MODEL` must be a network that reads pictures. Received: {demo.name}.")
    _check_card(facts)
    pictures = load_pictures(source)
    checks.digits(pictures)

    from kerasdemos import quiet

    quiet.import_tensorflow()
    from kerasdemos.training.building import build

    model = build(demo.run, seed=0, precision="float32")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the state of its optimizer does not matter here
            model.load_weights(path)
    except Exception as error:  # Keras, h5py and zipfile raise what they like
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"`MODEL` must hold the weights of {demo.name}. Received: {path}: {reason}") from None
    images = (pictures.test_images / np.float32(facts["scale"]) - np.float32(facts["mean"])).astype(np.float32)
    outputs = model.predict(images.reshape(-1, *model.input_shape[1:]), batch_size=256, verbose=0)
    labels = pictures.test_labels.astype(np.int64)
    counts = confusion(labels, outputs.argmax(axis=1), classes=outputs.shape[1])
    return Evaluation(
        _loss(str(facts.get("loss")), labels, outputs) + float(sum(model.losses)),
        float(np.trace(counts) / counts.sum()),
        counts,
        tuple(facts["class_names"]),
        pictures.name,
    )


def _check_card(facts: Mapping[str, Any]) -> None:
    """Refuse a card without what a measurement needs of it."""
    numbers = [facts.get(name) for name in ("scale", "mean")]
    names = facts.get("class_names")
    if not all(type(one) in (int, float) and math.isfinite(one) for one in numbers) or not numbers[0]:
        raise InputError(f"`scale` and `mean` of the card must be finite numbers, `scale` not 0. Received: {numbers}.")
    if not isinstance(names, list) or len(names) != checks.CLASSES or not all(isinstance(name, str) for name in names):
        raise InputError(f"`class_names` of the card must be {checks.CLASSES} names. Received: {str(names)[:200]}.")


def confusion(labels: np.ndarray, predicted: np.ndarray, *, classes: int) -> np.ndarray:
    """(classes, classes) counts: true class down, predicted class across."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _loss(name: str, labels: np.ndarray, outputs: np.ndarray) -> float:
    if name == "sparse_categorical_crossentropy":
        right = np.take_along_axis(outputs, labels[:, None], axis=1)
        return float(-np.log(np.maximum(right, np.finfo(right.dtype).tiny)).mean())
    one_hot = np.eye(outputs.shape[1], dtype=outputs.dtype)[labels]
    return float(((outputs - one_hot) ** 2).mean())
