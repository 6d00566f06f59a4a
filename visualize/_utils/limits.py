"""Limits: how much memory a file may ask for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from visualize.errors import InputError

MAX_EXPANSION = 100  # times its size that a file may unpack to; trained weights do not even compress to a tenth
ALWAYS_ALLOWED = 2**28  # bytes that any file may ask for
TENSORS_IN_MEMORY = 64  # of an image, at least: gradients need those of all layers at once


def check_size(what: str, needed: int, stored: int) -> None:
    """Refuse to unpack a small file into a large memory.

    Args:
        what: the file, for the message.
        needed: bytes that it would take in memory.
        stored: bytes that it takes on disk.

    Raises:
        InputError: unpacked, it is over a hundred times as large, or does not fit into this machine at all.
    """
    if needed > max(ALWAYS_ALLOWED, MAX_EXPANSION * stored):
        raise InputError(
            f"{what} must not unpack to over {MAX_EXPANSION} times its size. "
            f"Received: {stored:,} bytes that stand for {needed:,}."
        )
    if needed > memory():
        raise InputError(f"{what} must fit into the {memory():,} bytes of this machine's memory. Received: {needed:,} bytes.")


def check_tensor(what: str, shape: Sequence[int | None], itemsize: int) -> None:
    """Refuse a tensor before it is made.

    Args:
        what: the tensor, for the message.
        shape: for one image, without the batch; an unknown length counts as 1.
        itemsize: bytes of one number.

    Raises:
        InputError: it takes more than `largest_tensor()` bytes.
    """
    size, most = math.prod(length or 1 for length in shape) * itemsize, largest_tensor()
    if size > most:
        lengths = " x ".join(str(length or "any") for length in shape)
        raise InputError(
            f"{what} must take at most {most:,} bytes per image, a part of this machine's memory. "
            f"Received: {lengths}, which take {size:,}."
        )


def largest_tensor() -> int:
    """Bytes that one tensor may take for one image on this machine."""
    return max(ALWAYS_ALLOWED, memory() // TENSORS_IN_MEMORY)


def memory() -> int:
    """Bytes of memory of this machine; where the system does not say, about all that can be addressed."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**47
