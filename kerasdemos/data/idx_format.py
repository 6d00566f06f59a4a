"""Read IDX, the format of the MNIST files: a magic number, the sizes, the bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from visualize.errors import InputError

UNSIGNED_BYTE = 0x08  # the type of pictures and labels, among those that IDX has
IMAGES, LABELS = 3, 1  # dimensions
MOST_BYTES = 2**30  # when unzipped: EMNIST, the largest of its kind, has half of it


def read_idx(path: Path, *, dimensions: int) -> np.ndarray:
    """The array of an IDX file; its first bytes, not its name, show whether it is gzipped.

    Args:
        path: the file.
        dimensions: 3 for images (count, height, width), 1 for labels (count).

    Returns:
        uint8 array, read-only.

    Raises:
        InputError: the file is missing, is not IDX of that many dimensions, or is not as long as it says.
    """
    return parse_idx(read_bytes(path), dimensions=dimensions, name=str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a file, unzipped where it is gzipped.

    Args:
        path: the file.

    Returns:
        At most MOST_BYTES bytes.

    Raises:
        InputError: no such file, no regular file, a damaged one, or one that unzips to too much.
    """
    if not path.exists():
        raise InputError(f"{path} must be an IDX file. Received: no such file.")
    if not path.is_file():  # reading from a pipe would wait forever
        raise InputError(f"{path} must be an IDX file. Received: something that is not a regular file.")
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.open(path) as file:
            unzipped = file.read(MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} must be a whole gzip file. Received: {error}") from None
    if len(unzipped) > MOST_BYTES:
        raise InputError(f"{path} must have at most {MOST_BYTES:,} bytes when unzipped. Received: more.")
    return unzipped


def parse_idx(content: bytes, *, dimensions: int, name: str) -> np.ndarray:
    """The array that IDX bytes describe.

    Args:
        content: the header and the numbers.
        dimensions: as `read_idx` takes it.
        name: what an error message calls the content.

    Returns:
        uint8 array, read-only.

    Raises:
        InputError: they are not IDX of that many dimensions, or not as many as their header says.
    """
    start = 4 + 4 * dimensions
    expected = bytes((0, 0, UNSIGNED_BYTE, dimensions))
    if content[:4] != expected:
        raise InputError(
            f"{name} must begin with the IDX magic number {expected.hex()} "
            f"(bytes in {dimensions} dimension{'s' * (dimensions > 1)}). "
            f"Received: {content[:4].hex() or 'an empty file'}."
        )
    if len(content) < start:
        raise InputError(f"{name} must have an IDX header of {start} bytes. Received: {len(content)} bytes.")
    sizes = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    if len(content) - start != math.prod(sizes):
        raise InputError(
            f"{name} must hold {' x '.join(map(str, sizes))} = {math.prod(sizes)} bytes after its header, "
            f"as the header says. Received: {len(content) - start}."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)
