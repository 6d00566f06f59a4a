"""Keras' layout of a data set: one .npz file with x_train, y_train, x_test, y_test."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from kerasdemos.errors import InputError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def read(path: Path) -> tuple[np.ndarray, ...]:
    """The four arrays, in that order; nothing is ever unpickled.

    Raises:
        InputError: the file is not a .npz, is damaged, holds pickled objects or lacks an array.
    """
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} must be a .npz file with {', '.join(ARRAYS)}. Received: a file that is no .npz, or half of one."
        )
    with np.load(path, allow_pickle=False) as stored:
        missing = [name for name in ARRAYS if name not in stored.files]
        if missing:
            raise InputError(
                f"{path} must hold the arrays {', '.join(ARRAYS)}. Received: {', '.join(stored.files) or 'none'}."
            )
        return tuple(_array(stored, name, path) for name in ARRAYS)


def _array(stored: np.lib.npyio.NpzFile, name: str, path: Path) -> np.ndarray:
    try:
        return stored[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise InputError(f"{path} must hold a whole array {name}. Received: {error}.") from None
        raise InputError(
            f"{path} must hold plain numbers in {name}. Received: pickled objects, which are never loaded."
        ) from None
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise InputError(f"{path} must hold a whole array {name}. Received: {error}.") from None
