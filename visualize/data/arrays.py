"""Arrays: what a `.npy` or `.npz` file holds, read without trust in it."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from visualize._utils.limits import check_size


def load_arrays(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a `.npy`, or the arrays of a `.npz` by name; nothing is ever unpickled.

    Raises:
        InputError: its arrays would take much more memory than the file has bytes.
        Exception: whatever zipfile, zlib and NumPy raise for a file that is none.
    """
    with path.open("rb") as raw:  # NumPy leaves a file open that it cannot read
        stored = path.stat().st_size
        if raw.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
            raw.seek(0)
            check_size(str(path), _declared(raw), stored)
        elif zipfile.is_zipfile(raw):
            with zipfile.ZipFile(raw) as archive:
                check_size(str(path), sum(_needed(archive, member) for member in archive.infolist()), stored)
        raw.seek(0)
        loaded = np.load(raw, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}


def _needed(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    with archive.open(member) as file:
        is_array = file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX
        if not is_array:
            return member.file_size
    with archive.open(member) as file:
        return max(member.file_size, _declared(file))


def _declared(file: BinaryIO) -> int:
    """Bytes of the array that a header speaks of: NumPy would allocate them before it looks whether they are there."""
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    return math.prod(shape) * dtype.itemsize
