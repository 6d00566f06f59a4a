"""The card beside a model: what a program must know to feed the model, and what was measured.

`model.json` is the only bridge to other programs. It is written last: a folder with a card holds a finished run.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

import kerasdemos
from kerasdemos.demo import Demo
from visualize._utils.atomic import atomic_path
from visualize._utils.validation import is_number
from visualize.errors import InputError
from visualize.models.card import card_content

CARD = "model.json"
AFRESH = "Without --resume or --if-missing training starts afresh."


class InputFacts(TypedDict):
    """What a card says of a model's inputs; None where a program has no model that reads pictures."""

    input_range: list[float] | None
    scale: float | None
    mean: float | None
    class_names: list[str]
    loss: str | None


class ResultFacts(TypedDict):
    """A Result in a card."""

    measure: str
    measured: float
    expected: float | None
    tolerance: float | None
    source: str | None
    holds: bool | None


class FileFacts(TypedDict):
    """The content of a file, in a card."""

    bytes: int
    sha256: str


class SourceFacts(TypedDict):
    """Where a part of a pretrained network comes from."""

    what: str
    package: str
    version: str
    file: str
    sha256: str
    license: str
    credit: str


class Card(InputFacts, total=False):
    """The content of a card. Anybody can have written one that was read, so nothing in it can be relied on."""

    demo: str  # of a network or program that was trained here
    article: str
    network: str  # one that was trained elsewhere
    paper: str
    resize: str  # how a picture of other proportions is brought to the size of the input
    sources: list[SourceFacts]
    data: str
    parameters: int
    seed: int
    epochs: int
    precision: str | None
    seconds: float
    versions: dict[str, str]
    files: list[str]
    contents: dict[str, FileFacts]
    results: list[ResultFacts]


@dataclass(frozen=True)
class Result:
    """One measured number beside the expected one."""

    measure: str
    measured: float
    expected: float | None = None
    tolerance: float | None = None
    source: str | None = None
    holds: bool | None = None  # None: nothing was expected of this run


def compare_results(demo: Demo, measures: Mapping[str, float], *, as_published: bool) -> tuple[Result, ...]:
    """The measured numbers beside what the demo expects, the expected ones first.

    Args:
        demo: the demo that ran.
        measures: its numbers by name.
        as_published: whether it ran on the article's data for the article's epochs; a run that did not is shown beside the
            expected numbers, but is not judged by them.

    Returns:
        One Result per measure.

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
    expected_names = {row.measure for row in rows}
    others = [Result(measure, float(value)) for measure, value in measures.items() if measure not in expected_names]
    return (*rows, *others)


def library_versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
        "kerasdemos": kerasdemos.__version__,
    }


def write_card(folder: Path, card: Card, results: tuple[Result, ...]) -> Path:
    """Write the card and return its path."""
    path = folder / CARD
    text = json.dumps({**card, "results": [asdict(result) for result in results]}, indent=2)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def read_card(path: Path) -> Card:
    """The content of a card.

    Raises:
        InputError: it is not there, or is not a JSON object of limited size and depth.
    """
    if not path.is_file():
        raise InputError(f"The card {path} must stand beside the model; `kerasdemos train` writes it. Received: no such file.")
    return card_content(path)  # pyright: ignore[reportReturnType]


STATED = {"demo": str, "seed": int, "epochs": int}  # what a card says of a run, and as what


def check_finished(card: Card, path: Path) -> Card:
    """The same card, if it has what `kerasdemos` writes into every card.

    Raises:
        InputError: its demo, seed, epochs, files, their contents or its results are of another form.
    """
    files, results = card.get("files"), card.get("results")
    if not isinstance(files, list) or not all(isinstance(name, str) and Path(name).name == name for name in files):
        wrong = "files"
    elif not isinstance(card.get("contents", {}), dict):
        wrong = "contents"
    elif others := [key for key, kind in STATED.items() if key in card and type(card[key]) is not kind]:
        wrong = others[0]
    elif not isinstance(results, list) or not all(map(_is_result, results)):
        wrong = "results"
    else:
        return card
    raise InputError(
        f"The card {path} must be one that `kerasdemos` wrote. Received: `{wrong}` of another form. "
        "Without --resume or --if-missing it is replaced."
    )


def _is_result(row: object) -> bool:
    """Whether a row of a card has a measure by its name; it may not be finite where a training diverged."""
    if not isinstance(row, dict) or not isinstance(row.get("measure"), str):
        return False
    return isinstance(row.get("measured"), float) or is_number(row.get("measured"))
