"""Files that appear whole or not at all, and folders that can take them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from visualize.errors import InputError


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """An open file that appears under `path` when the block ends well, and nowhere when it does not.

    A reader sees the old file or the new one, never half of one, even if the process is killed. Of two processes that write
    the same file, each has a temporary file of its own.

    Args:
        path: the file to write; missing folders above it are created.

    Raises:
        OSError: it cannot be written; the error names the file, also where the disk is full.
    """
    with _temporary_path(path, suffix=".part") as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """As `atomic_file`, but a temporary path to write to, for libraries that open the file themselves.

    The temporary path keeps the suffix of `path`, because Keras and matplotlib choose their format by it.
    """
    with _temporary_path(path, suffix=path.suffix) as temporary:
        yield temporary


def check_writable_folder(option: str, folder: Path) -> None:
    """Refuse a folder that cannot be written to or created, before anything is computed.

    Args:
        option: what the message calls the folder, such as "--out".
        folder: the folder; it need not exist.

    Raises:
        InputError: a file is in its place, or the system does not let this process create files there.
    """
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    must = f"`{option}` must be a folder that can be written to. Received: {folder}, but {existing}"
    if not existing.is_dir():
        raise InputError(f"{must} is a file.")
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=existing):  # permissions alone do not show what a system allows
            pass
    except OSError:
        raise InputError(f"{must} cannot be written to.") from None


@contextmanager
def _temporary_path(path: Path, *, suffix: str) -> Iterator[Path]:
    """A new file beside `path`, moved to `path` when the block ends well and removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=suffix, dir=path.parent)
    temporary = Path(name)
    try:
        os.close(handle)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # the content must be on the disk before the name points to it
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # the system does not say which file did not fit on a full disk
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
