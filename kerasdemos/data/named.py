"""The data sets that other tools may ask for by name: `mnist:PART` and `idx:DIRECTORY`.

These functions are the entry points of the group `visualize.datasets`. Each takes what stands behind the
colon and returns `images` (count, height, width) uint8, `labels` (count,) and `class_names`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kerasdemos.data import mnist as sources
from kerasdemos.errors import InputError


def mnist(part: str = "") -> dict[str, Any]:
    """The packaged MNIST, as `--data mnist:PART` gets it.

    Args:
        part: "test" or "train"; "" is test.

    Returns:
        "images", (count, 28, 28) uint8, 0 black and 255 white; "labels", (count,) uint8; "class_names".

    Raises:
        InputError: there is no such part.
    """
    images, labels = sources.mnist_part(_known(part or "test", "mnist:"))
    return {"images": images, "labels": labels, "class_names": list(sources.DIGITS)}


def idx(argument: str = "") -> dict[str, Any]:
    """A directory of IDX files named as MNIST's are, as `--data idx:DIRECTORY` gets it.

    Args:
        argument: the directory, whose test part is meant; DIRECTORY#train for the other.

    Returns:
        "images", (count, height, width) uint8, 0 black and 255 white; "labels", (count,) uint8; "class_names".

    Raises:
        InputError: no such directory or part, or files that are missing, damaged or do not fit together.
    """
    directory, _, part = argument.partition("#")
    if not Path(directory).is_dir() or not directory:
        raise InputError(f"`--data idx:DIRECTORY` must name a directory of IDX files. Received: {directory!r}.")
    images, labels = sources.directory_part(Path(directory), _known(part or "test", "idx:DIRECTORY#"))
    return {"images": images, "labels": labels, "class_names": list(sources.class_names(labels))}


def _known(part: str, before: str) -> str:
    if part not in sources.FILES:
        raise InputError(f"`--data {before}PART` must have train or test as its PART. Received: {part!r}.")
    return part
