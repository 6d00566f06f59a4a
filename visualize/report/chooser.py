"""The chooser: what each method costs, needs and finds, and when it misleads; from its docstring and what was measured."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from visualize.report.methods import attribution_methods, method, section, summary_line

BASELINE = "random"  # the first row: what chance finds
COLUMNS = {"textures_cnn": "CNN", "textures_vit": "ViT", "grid": "class"}  # the cases of `make truth` that the table shows
MEANING = (
    "CNN, ViT: the share of a planted texture's pixels among as many highest pixels of the map, in a convolutional network "
    "and in a vision transformer that know the class by it alone. class: the share of the evidence that lies on the digit "
    "asked for, of four in one picture. All with default options, but that class activation maps read the patch embedding of "
    "the transformer, which has to be named (--layer); 'make truth' measures them."
)
ELSEWHERE = re.compile(r", (?:sections?|equations?|algorithms?)\b|[;.] |\.$")  # where the first reference of a docstring ends


@dataclass(frozen=True)
class Choice:
    """One method.

    Attributes:
        name: of its function and its command.
        idea: what it explains a score by.
        cost: in passes of the network for one image.
        needs: of the model.
        misleads: when its map says what is not so.
        paper: authors, year, and where it is.
        found: what was measured, by the names of `COLUMNS`; None where the model was refused or nothing was measured.
    """

    name: str
    idea: str
    cost: str
    needs: str
    misleads: str
    paper: str
    found: dict[str, float | None]

    def cells(self) -> tuple[str, ...]:
        """Its row as text: the command, idea, cost, needs, what it found, when it misleads, and the paper."""
        numbers = (number(self.found[case]) for case in COLUMNS)
        return (self.name, self.idea, self.cost, self.needs, *numbers, self.misleads, self.paper)


@functools.cache
def choices(by: str = "textures_cnn") -> tuple[Choice, ...]:
    """Every method that explains images, the one that found most first; last, those that have no number.

    Args:
        by: which of `COLUMNS` counts.
    """
    return tuple(sorted(map(_choice, attribution_methods()), key=lambda choice: _descending(choice.found[by])))


@functools.cache
def measured() -> dict[str, dict[str, dict[str, float]]]:
    """What `make truth` measured: by row (a method, or random), case and measure; a row or case may be missing."""
    text = (files("visualize.report") / "truth.json").read_text(encoding="utf-8")
    return {
        row: {case: cell["mean"] for case, cell in cells.items() if "mean" in cell}
        for row, cells in json.loads(text)["rows"].items()
    }


def found(row: str) -> dict[str, float | None]:
    """What a row of the table found, by case."""
    shown = {case: facts["measure"] for case, facts in _cases().items()}
    cells = measured().get(row, {})
    return {case: cells[case][shown[case]] if case in cells else None for case in COLUMNS}


def number(value: float | None) -> str:
    """Two digits, as tables of shares have them: ".88", "1.0"; a dash for what was not measured."""
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) >= 0.995 else f"{value:.2f}".replace("0.", ".", 1)


def markdown_row(cells: Sequence[str]) -> str:
    """The row of a method for the page of methods."""
    name, *rest = cells
    return f"| `visualize {name}` | " + " | ".join(rest) + " |"


@functools.cache
def _cases() -> dict[str, dict[str, str]]:
    return json.loads((files("visualize.report") / "truth.json").read_text(encoding="utf-8"))["cases"]


def _descending(share: float | None) -> float:
    return 2 if share is None else -share


def _choice(name: str) -> Choice:
    function = method(name)
    cost, needs, misleads = (" ".join(section(function, title).split()) for title in ("Cost", "Needs", "Misleads"))
    idea = re.sub(r"^Explain a class score by |^Show |\.$", "", summary_line(name))
    return Choice(name, idea, cost.rstrip("."), needs.rstrip("."), misleads, _paper(function), found(name))


def _paper(function: object) -> str:
    """The first reference of a docstring: the beginning of its second paragraph."""
    text = " ".join((function.__doc__ or "").split("\n\n")[1].split())
    return ELSEWHERE.split(text.replace("et al. ", "et al.\N{NO-BREAK SPACE}"))[0].replace("\N{NO-BREAK SPACE}", " ")
