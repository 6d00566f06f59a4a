"""The card beside a model: what a reader must know to feed the model, and what it was measured to do.

`model.json` is the only bridge to other programs. It is written last: a folder with a card holds a finished
run.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kerasdemos
from kerasdemos.demo import Demo
from kerasdemos.errors import InputError
from kerasdemos.files import whole

NAME = "model.json"


@dataclass(frozen=True)
class Result:
    """One measured number beside the one that was expected of it."""

    measure: str
    measured: float
    expected: float | None = None
    tolerance: float | None = None
    source: str | None = None
    holds: bool | None = None  # None: nothing was expected of this run


def results(demo: Demo, measures: Mapping[str, float], *, as_published: bool) -> tuple[Result, ...]:
    """What was measured beside what the demo expects, the expected ones first.

    Args:
        demo: the demo that ran.
        measures: its numbers by name.
        as_published: whether it ran on the article's data for the article's epochs; a run that did not is
            shown beside the expected numbers, but is not judged by them.

    Raises:
        InputError: the demo expects a measure that the run did not report.
    """
    rows = []
    for expected in demo.expected:
        if expected.measure not in measures:
            raise InputError(
                f"`measures` of {demo.name} must have {expected.measure!r}, which it expects. "
                f"Received: {', '.join(measures) or 'none'}."
            )
        measured = float(measures[expected.measure])
        holds = abs(measured - expected.value) <= expected.tolerance if as_published else None
        rows.append(Result(expected.measure, measured, expected.value, expected.tolerance, expected.source, holds))
    named = {row.measure for row in rows}
    rest = [Result(measure, float(value)) for measure, value in measures.items() if measure not in named]
    return (*rows, *rest)


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
        "kerasdemos": kerasdemos.__version__,
    }


def write(folder: Path, card: Mapping[str, Any], rows: tuple[Result, ...]) -> Path:
    """Write the card and return its path."""
    path = folder / NAME
    text = json.dumps({**card, "results": [asdict(row) for row in rows]}, indent=2)
    with whole(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def read(path: Path) -> dict[str, Any]:
    """The card as a dictionary.

    Raises:
        InputError: it is not there or is not JSON.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"The card {path} must stand beside the model; `kerasdemos train` writes it. Received: no such file."
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"The card {path} must be JSON. Received: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"The card {path} must be a JSON object. Received: {type(found).__name__}.")
    return found
