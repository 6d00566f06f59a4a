"""Limits: how much memory a file may ask for."""

from __future__ import annotations

import os

from visualize.errors import InputError

MAX_EXPANSION = 100  # times its size that a file may unpack to; trained weights do not even compress to a tenth
ALWAYS_ALLOWED = 2**28  # bytes that any file may ask for


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


def memory() -> int:
    """Bytes of memory of this machine; where the system does not say, about all that can be addressed."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**47
