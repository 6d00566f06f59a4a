"""Points from a CSV file of two columns, checked line by line."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import numpy as np

from visualize.errors import InputError

MAX_BYTES = 2**22  # some hundred thousand points


def read_points(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The x and the y of the points in a CSV file: two numbers per line, no header; empty lines are skipped.

    Returns:
        x and y, each (n,) float64, n at least 2, x not all the same.

    Raises:
        InputError: the file cannot be read, or a line is not two finite numbers; names the file and the line.
    """
    path = Path(path)
    points: list[tuple[float, float]] = []
    for number, text in enumerate(_read_text(path).splitlines(), start=1):
        if text.strip():
            points.append(_parse_point(text, f"{path}, line {number}"))
    if len({x for x, _ in points}) < 2:
        raise InputError(
            f"{path} must hold at least two points with different x, or no line is the best one. "
            f"Received: {len(points)} point{'s' * (len(points) != 1)}."
        )
    x, y = np.array(points, np.float64).T
    return x, y


def _read_text(path: Path) -> str:
    if path.exists() and not path.is_file() and not path.is_dir():  # a device may have no end
        raise InputError(f"`data` must be a CSV file of two columns. Received: {path}, which is no regular file.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"`data` must have at most {MAX_BYTES:,} bytes. Received: {path}, of {path.stat().st_size:,}.")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"`data` must be a CSV file of two columns. Received: {path}, no such file.") from None
    except IsADirectoryError:
        raise InputError(f"`data` must be a CSV file of two columns. Received: {path}, a folder.") from None
    except UnicodeDecodeError:
        raise InputError(f"`data` must be a CSV file of two columns. Received: {path}, which is not text.") from None


def _parse_point(text: str, line: str) -> tuple[float, float]:
    expected = f"{line} must be two finite numbers with a comma between, such as 32.5,31.7 (there is no header)."
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise InputError(f"{expected} Received: {text.strip()[:60]!r}.") from None
    if not (isfinite(x) and isfinite(y)):
        raise InputError(f"{expected} Received: {text.strip()[:60]!r}.")
    return x, y
