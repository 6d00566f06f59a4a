"""The data sets: the packaged MNIST, a directory of IDX files, a Keras .npz; by path, and by name for other programs.

`mnist` and `idx` are the entry points of the group `visualize.datasets`. Each takes what follows the colon of
`--data mnist:PART` or `--data idx:DIRECTORY`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypedDict

import numpy as np

from kerasdemos.data.idx_format import IMAGES, LABELS, parse_idx, read_bytes, read_idx
from kerasdemos.data.npz_format import read_npz
from kerasdemos.data.validation import check_pair
from kerasdemos.demo import Pictures
from visualize.errors import InputError

DIGITS = tuple("0123456789")
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
MNIST_MD5 = {  # of the unzipped content
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


class LabelledImages(TypedDict):
    """One part of a data set, as `visualize` takes it."""

    images: np.ndarray  # (count, height, width) uint8, 0 black and 255 white
    labels: np.ndarray  # (count,)
    class_names: list[str]


def load_pictures(source: str | Path | None = None) -> Pictures:
    """Labelled pictures: the packaged MNIST (None), a directory of IDX files or a `.npz` in Keras' layout.

    The classes of a data set other than the packaged one are named by their numbers.

    Args:
        source: path of the directory or file; None for the packaged MNIST.

    Returns:
        Pictures: images (count, height, width) uint8, 0 black and 255 white, and labels (count,), for training and for
        testing.

    Raises:
        InputError: something is missing, damaged or does not fit together; the message names the file.
    """
    if source is None:
        return Pictures("MNIST", *mnist_part("train"), *mnist_part("test"), DIGITS)
    path = Path(source)
    if path.is_dir():
        train, test = directory_part(path, "train"), directory_part(path, "test")
    elif path.exists():
        train, test = _npz_parts(path)
    else:
        raise InputError(f"`--data` must be a directory of IDX files or a .npz file. Received: {path}, no such file.")
    return Pictures(path.name, *train, *test, class_names(train[1], test[1]))


def mnist(part: str = "") -> LabelledImages:
    """The packaged MNIST, for `--data mnist:PART`.

    Args:
        part: "test" or "train"; "" is test.

    Returns:
        "images", (count, 28, 28) uint8, 0 black and 255 white; "labels", (count,) uint8; "class_names".

    Raises:
        InputError: there is no such part.
    """
    images, labels = mnist_part(_checked_part(part or "test", "mnist:"))
    return {"images": images, "labels": labels, "class_names": list(DIGITS)}


def idx(argument: str = "") -> LabelledImages:
    """A directory of IDX files named as MNIST's are, for `--data idx:DIRECTORY`.

    Args:
        argument: the directory, whose test part is read; DIRECTORY#train for the other part.

    Returns:
        "images", (count, height, width) uint8, 0 black and 255 white; "labels", (count,) uint8; "class_names".

    Raises:
        InputError: no such directory or part, or files that are missing, damaged or do not fit together.
    """
    directory, _, part = argument.partition("#")
    if not Path(directory).is_dir() or not directory:
        raise InputError(f"`--data idx:DIRECTORY` must name a directory of IDX files. Received: {directory!r}.")
    images, labels = directory_part(Path(directory), _checked_part(part or "test", "idx:DIRECTORY#"))
    return {"images": images, "labels": labels, "class_names": list(class_names(labels))}


@cache
def mnist_part(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the packaged MNIST, `train` or `test`; read and checked once per process.

    Raises:
        InputError: the package's files are not those that it was published with.
    """
    arrays = []
    for name, dimensions in zip(FILES[part], (IMAGES, LABELS), strict=True):
        with as_file(files("kerasdemos.data") / f"{name}.gz") as path:
            content = read_bytes(path)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if md5 != MNIST_MD5[name]:
            raise InputError(
                f"The packaged {name}.gz must have md5 {MNIST_MD5[name]} when unzipped. Received: {md5}. "
                "Install kerasdemos again."
            )
        arrays.append(parse_idx(content, dimensions=dimensions, name=f"{name}.gz"))
    return arrays[0], arrays[1]


def directory_part(directory: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a directory with IDX files named as MNIST's are, `train` or `test`."""
    image_path, label_path = (_zipped_or_not(directory / name) for name in FILES[part])
    images, labels = read_idx(image_path, dimensions=IMAGES), read_idx(label_path, dimensions=LABELS)
    check_pair(images, labels, f"{directory} ({part})")
    return images, labels


def class_names(*labels: np.ndarray) -> tuple[str, ...]:
    """The classes, named by their numbers: 0 to 9, or to the highest label where there are more."""
    highest = max((int(array.max()) for array in labels if array.size), default=0)
    return tuple(str(number) for number in range(max(highest, 9) + 1))


def _npz_parts(path: Path) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images and labels of a .npz, for training and for testing."""
    x_train, y_train, x_test, y_test = read_npz(path)
    check_pair(x_train, y_train, f"{path} (train)")
    check_pair(x_test, y_test, f"{path} (test)")
    return (x_train, y_train), (x_test, y_test)


def _zipped_or_not(path: Path) -> Path:
    for candidate in (path, path.with_name(f"{path.name}.gz")):
        if candidate.exists():
            return candidate
    raise InputError(f"{path.parent} must hold {path.name} or {path.name}.gz. Received: neither is there.")


def _checked_part(part: str, prefix: str) -> str:
    if part not in FILES:
        raise InputError(f"`--data {prefix}PART` must have train or test as its PART. Received: {part!r}.")
    return part
