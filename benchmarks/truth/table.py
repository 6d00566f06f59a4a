"""Table: every row on every case, as numbers, as text and as Markdown."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.truth.cases import Case
from benchmarks.truth.rows import Row
from visualize.errors import InputError
from visualize.report.chooser import number


@dataclass(frozen=True, eq=False)
class Cell:
    """One row on one case: the mean of each measure over the pictures, its standard error, or why there is none."""

    means: dict[str, float]
    errors: dict[str, float]
    refusal: str = ""


@dataclass(frozen=True, eq=False)
class Truth:
    """What was measured.

    Attributes:
        cases: the columns.
        accuracies: of the networks, by case; None where it is right by construction.
        cells: by row and case.
        count: of pictures in each case.
    """

    cases: tuple[Case, ...]
    accuracies: dict[str, float | None]
    cells: dict[str, dict[str, Cell]]
    count: int

    def text(self, row: str, case: Case) -> str:
        """The number that the table shows: ".88", "-.03", or a dash."""
        cell = self.cells[row][case.name]
        return "-" if cell.refusal else number(cell.means[case.measure])

    def record(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "pictures": self.count,
            "cases": {
                case.name: {"title": case.title, "measure": case.measure, "accuracy": self.accuracies[case.name]}
                for case in self.cases
            },
            "rows": {
                row: {
                    name: {"refusal": cell.refusal} if cell.refusal else {"mean": cell.means, "error": cell.errors}
                    for name, cell in cells.items()
                }
                for row, cells in self.cells.items()
            },
        }


def measure(
    cases: Sequence[Case], rows: Sequence[Row], count: int, folder: Path, note: Callable[[str], None] = lambda text: None
) -> Truth:
    """Every row on every case.

    Args:
        cases: the columns.
        rows: the rows.
        count: of pictures in each case.
        folder: of the trained networks.
        note: is told what takes time.

    Raises:
        NotSolvedError: a network does not solve its task.
    """
    accuracies: dict[str, float | None] = {}
    cells: dict[str, dict[str, Cell]] = {row.name: {} for row in rows}
    for case in cases:
        question = case.question(count, folder, note)
        accuracies[case.name] = question.accuracy
        started = time.monotonic()
        for row in rows:
            try:
                scores = question.score(row.maps(question.model, question.images, question.targets))
            except InputError as error:
                cells[row.name][case.name] = Cell({}, {}, str(error))
                continue
            cells[row.name][case.name] = Cell(
                {name: round(float(values.mean()), 3) for name, values in scores.items()},
                {name: round(float(values.std() / len(values) ** 0.5), 3) for name, values in scores.items()},
            )
        told = "right by construction" if question.accuracy is None else f"accuracy {question.accuracy:.3f}"
        note(f"{case.name}: {told}, {time.monotonic() - started:.0f} s")
        del question
        gc.collect()
    return Truth(tuple(cases), accuracies, cells, count)
