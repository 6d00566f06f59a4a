"""Where labelled pictures come from: the packaged MNIST, a directory of IDX files, a Keras .npz."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from kerasdemos.data import idx as idx_format
from kerasdemos.data import npz as npz_format
from kerasdemos.data import validation as checks
from kerasdemos.demo import Pictures
from kerasdemos.errors import InputError

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


def load(source: str | Path | None = None) -> Pictures:
    """Labelled pictures: the packaged MNIST (None), a directory of IDX files or a `.npz` of Keras' layout.

    The classes of a data set that is not the packaged one are called by their numbers.

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
        parts = {part: directory_part(path, part) for part in FILES}
    elif path.exists():
        arrays = npz_format.read(path)
        parts = {"train": arrays[:2], "test": arrays[2:]}
        for part, (images, labels) in parts.items():
            checks.pair(images, labels, f"{path} ({part})")
    else:
        raise InputError(f"`--data` must be a directory of IDX files or a .npz file. Received: {path}, no such file.")
    return Pictures(path.name, *parts["train"], *parts["test"], class_names(parts["train"][1], parts["test"][1]))


@cache
def mnist_part(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the packaged MNIST, `train` or `test`; read and checked once in a process.

    Raises:
        InputError: the package's files are not those that it came with.
    """
    arrays = []
    for name, dimensions in zip(FILES[part], (idx_format.IMAGES, idx_format.LABELS), strict=True):
        with as_file(files("kerasdemos.data") / f"{name}.gz") as path:
            content = idx_format.unpacked(path)
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != MNIST_MD5[name]:
            raise InputError(
                f"The packaged {name}.gz must have md5 {MNIST_MD5[name]} when unzipped. Received: {found}. "
                "Install kerasdemos again."
            )
        arrays.append(idx_format.parse(content, dimensions=dimensions, name=f"{name}.gz"))
    return arrays[0], arrays[1]


def directory_part(directory: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a directory with IDX files named as MNIST's are, `train` or `test`."""
    images, labels = (_zipped_or_not(directory / name) for name in FILES[part])
    found = (
        idx_format.read(images, dimensions=idx_format.IMAGES),
        idx_format.read(labels, dimensions=idx_format.LABELS),
    )
    checks.pair(*found, f"{directory} ({part})")
    return found


def class_names(*labels: np.ndarray) -> tuple[str, ...]:
    """The classes, called by their numbers: 0 to 9, or to the highest label where there are more."""
    highest = max((int(some.max()) for some in labels if some.size), default=0)
    return tuple(str(number) for number in range(max(highest, 9) + 1))


def _zipped_or_not(path: Path) -> Path:
    for candidate in (path, path.with_name(f"{path.name}.gz")):
        if candidate.exists():
            return candidate
    raise InputError(f"{path.parent} must hold {path.name} or {path.name}.gz. Received: neither is there.")
