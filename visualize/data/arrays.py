"""The arrays of a `.npy` or `.npz` file, read without trusting the file."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from visualize._utils.limits import check_size


def load_arrays(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a `.npy`, or the arrays of a `.npz` by name; nothing is ever unpickled.

    Args:
        path: the file.

    Returns:
        One array, or a dictionary of arrays.

    Raises:
        InputError: its arrays would take much more memory than the file has bytes.
        Exception: whatever zipfile, zlib and NumPy raise for a file of another format or a damaged one.
    """
    with path.open("rb") as file, warnings.catch_warnings():  # NumPy does not close a file that it cannot read
        warnings.simplefilter("ignore", UserWarning)  # of headers that Python 2 wrote
        check_array_sizes(file, path)
        loaded = np.load(file, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}


def check_array_sizes(file: IO[bytes], path: Path) -> None:
    """Refuse a small file whose headers speak of large arrays; leaves `file` at its beginning.

    NumPy allocates what a header says before it looks whether that many bytes are there.

    Args:
        file: the open `.npy` or `.npz`.
        path: where it is, for the message.

    Raises:
        InputError: its arrays would take much more memory than the file has bytes.
        Exception: whatever zipfile, zlib and NumPy raise for a damaged file.
    """
    file.seek(0)
    stored = path.stat().st_size
    if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
        file.seek(0)
        check_size(str(path), _declared_bytes(file), stored)
    elif zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            check_size(str(path), sum(_member_bytes(archive, member) for member in archive.infolist()), stored)
    file.seek(0)


def _member_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Bytes of memory that reading a member of a `.npz` takes."""
    with archive.open(member) as file:
        is_array = file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX
        if not is_array:
            return member.file_size
    with archive.open(member) as file:
        return max(member.file_size, _declared_bytes(file))


def _declared_bytes(file: IO[bytes]) -> int:
    """Bytes of the array that the header of a `.npy` declares."""
    version = npy.read_magic(file)  # pyright: ignore[reportArgumentType]
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    return math.prod(shape) * dtype.itemsize
