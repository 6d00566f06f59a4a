"""How a file appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to; it becomes `path` when the block ends well.

    A reader sees the old file or the new one, never half of one, even if the process is killed. The temporary
    name keeps the suffix, because Keras and matplotlib choose their format by it.
    """
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())  # a rename must not overtake the bytes it names
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
