"""How good a trained network is: its loss, its accuracy, what it takes for what."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasdemos import card
from kerasdemos.data import checks
from kerasdemos.data import load as load_pictures
from kerasdemos.errors import InputError


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

    The model file is only read: nothing that it names is imported or run.

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
    if facts.get("scale") is None or facts.get("loss") is None:
        raise InputError(f"`MODEL` must be a network that reads pictures. Received: {facts.get('demo')}.")
    pictures = load_pictures(source)
    checks.digits(pictures)

    from kerasdemos import quiet

    quiet.import_tensorflow()
    import keras

    from kerasdemos import layers  # noqa: F401  (registers the layer that the tflearn network has)

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"`MODEL` must be a model that Keras opens safely. Received: {path}: {reason}") from None
    images = (pictures.test_images / np.float32(facts["scale"]) - np.float32(facts["mean"])).astype(np.float32)
    outputs = model.predict(images.reshape(-1, *model.input_shape[1:]), batch_size=256, verbose=0)
    labels = pictures.test_labels.astype(np.int64)
    counts = confusion(labels, outputs.argmax(axis=1), classes=outputs.shape[1])
    return Evaluation(
        _loss(facts["loss"], labels, outputs) + float(sum(model.losses)),
        float(np.trace(counts) / counts.sum()),
        counts,
        tuple(facts["class_names"]),
        pictures.name,
    )


def confusion(labels: np.ndarray, predicted: np.ndarray, *, classes: int) -> np.ndarray:
    """(classes, classes) counts: true class down, predicted class across."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _loss(name: str, labels: np.ndarray, outputs: np.ndarray) -> float:
    if name == "sparse_categorical_crossentropy":
        right = np.take_along_axis(outputs, labels[:, None], axis=1)
        return float(-np.log(np.maximum(right, np.finfo(right.dtype).tiny)).mean())
    one_hot = np.eye(outputs.shape[1], dtype=outputs.dtype)[labels]
    return float(((outputs - one_hot) ** 2).mean())
