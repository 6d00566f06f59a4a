"""Keras' layout of a data set: one .npz file with x_train, y_train, x_test, y_test."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from kerasdemos.errors import InputError

MOST_BYTES = 2**32  # of one array
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def read(path: Path) -> tuple[np.ndarray, ...]:
    """The four arrays, in that order; nothing is ever unpickled.

    Raises:
        InputError: the file is not a .npz, is damaged, holds pickled objects or lacks an array.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} must be a .npz file with {', '.join(ARRAYS)}. Received: a file that is no .npz, or half of one."
        )
    _check_size(path)
    with np.load(path, allow_pickle=False) as stored:
        missing = [name for name in ARRAYS if name not in stored.files]
        if missing:
            raise InputError(
                f"{path} must hold the arrays {', '.join(ARRAYS)}. Received: {', '.join(stored.files) or 'none'}."
            )
        return tuple(_array(stored, name, path) for name in ARRAYS)


def _check_size(path: Path) -> None:
    """Refuse a small file that would fill the memory: NumPy allocates what a header says before it looks what is there."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            try:
                with archive.open(member) as file:
                    version = npy.read_magic(file)
                    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                    shape, _, dtype = read_header(file)
            except Exception:  # what is wrong with it is told when it is read
                continue
            declared = 0 if dtype.hasobject else math.prod(shape) * dtype.itemsize  # objects are refused when they are read
            needed = max(member.file_size, declared)
            if needed > MOST_BYTES or declared > member.file_size:
                raise InputError(
                    f"{path} must hold arrays of at most {MOST_BYTES:,} bytes, all of which are there. "
                    f"Received: {member.filename}, which says that it has {needed:,}."
                )


def _array(stored: np.lib.npyio.NpzFile, name: str, path: Path) -> np.ndarray:
    try:
        found = stored[name]
        if isinstance(found, np.ndarray):
            return found
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise InputError(f"{path} must hold a whole array {name}. Received: {error}.") from None
        raise InputError(
            f"{path} must hold plain numbers in {name}. Received: pickled objects, which are never loaded."
        ) from None
    except Exception as error:  # zipfile, zlib and NumPy raise what they like
        raise InputError(f"{path} must hold a whole array {name}. Received: {error}.") from None
    raise InputError(f"{path} must hold a whole array {name}. Received: bytes that are no array.")
