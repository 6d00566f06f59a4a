"""Keras' layout of a data set: one .npz file with x_train, y_train, x_test, y_test."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from visualize.data.arrays import check_array_sizes
from visualize.errors import InputError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four arrays, in that order; nothing is ever unpickled.

    Args:
        path: the file.

    Returns:
        x_train, y_train, x_test, y_test.

    Raises:
        InputError: the file is not a .npz, is damaged, holds pickled objects, lacks an array, or is small and would take
            much memory.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} must be a .npz file with {', '.join(ARRAYS)}. Received: a file that is damaged or of another format."
        )
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of headers that Python 2 wrote
        _check_sizes(file, path)
        with np.load(file, allow_pickle=False) as stored:
            missing = [name for name in ARRAYS if name not in stored.files]
            if missing:
                raise InputError(
                    f"{path} must hold the arrays {', '.join(ARRAYS)}. Received: {', '.join(stored.files) or 'none'}."
                )
            x_train, y_train, x_test, y_test = (_read_array(stored, name, path) for name in ARRAYS)
            return x_train, y_train, x_test, y_test


def _check_sizes(file: IO[bytes], path: Path) -> None:
    try:
        check_array_sizes(file, path)
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise what they like
        raise InputError(f"{path} must hold whole arrays. Received: {error}.") from None


def _read_array(stored: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    try:
        array = stored[name]
        if isinstance(array, np.ndarray):
            return array
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise InputError(f"{path} must hold a whole array {name}. Received: {error}.") from None
        raise InputError(
            f"{path} must hold plain numbers in {name}. Received: pickled objects, which are never loaded."
        ) from None
    except Exception as error:  # zipfile, zlib and NumPy raise what they like
        raise InputError(f"{path} must hold a whole array {name}. Received: {error}.") from None
    raise InputError(f"{path} must hold a whole array {name}. Received: bytes that are no array.")
