"""Alt texts: what a figure shows, in a sentence for readers who cannot see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualize.data.history import History
from visualize.results import Attribution, Structure, Tiles, Trust

MAX_LETTERS = 80  # of a name that a user chose
MAX_NAMES = 12  # that a sentence lists
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "center", "right")


def one_line(text: object, most: int = MAX_LETTERS) -> str:
    """A name on one line, cut in its middle if it is long; spaces in place of control and direction characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text))
    half = most // 2
    return line if len(line) <= most else f"{line[:half]}\u2026{line[-(most - half - 1) :]}"


def class_text(index: int, names: Sequence[str]) -> str:
    """A class in a sentence: its name, or "class 3" if it has no name or one that is a number."""
    return one_line(names[index]) if 0 <= index < len(names) and not names[index].isdecimal() else f"class {index}"


def peak_position(values: np.ndarray) -> str:
    """Where in a map its highest value is, such as "top left"; "" if there is no such pixel."""
    if values.ndim != 2 or not np.isfinite(values).all() or values.min() == values.max():
        return ""
    row, column = np.unravel_index(values.argmax(), values.shape)
    height, width = values.shape
    position = f"{_ROWS[3 * int(row) // height]} {_COLUMNS[3 * int(column) // width]}"
    return "center" if position == "middle center" else position


def score_text(kind: str, score: float, probability: float | None) -> str:
    """A score with its probability, if there is one: "logit 12.4, probability 0.998"."""
    text = f"{kind} {score:.4g}"
    return text if probability is None else f"{text}, probability {probability:.3f}"


def comparison_text(results: Sequence[Attribution]) -> str:
    """The maps of several methods: of which image, for which class, and where each map is highest."""
    first = results[0]
    count = len(first.values)
    names = [one_line(name) for name in first.arrays["names"][:MAX_NAMES]]
    if count > 1:
        methods = ", ".join(result.method for result in results)
        return f"{count} images, one row each, and what matters in them by {methods}: {_listed(names, count)}."
    of_targets: dict[int, list[Attribution]] = {}
    for result in results:
        of_targets.setdefault(int(result.targets[0]), []).append(result)
    return f"{names[0]} and what matters in it {'; '.join(map(_maps_text, of_targets.values()))}."


def structure_text(structure: Structure) -> str:
    """A diagram: how many layers, from which to which."""
    rows, settings = structure.rows, structure.settings
    ends = f", from {one_line(rows[0]['path'])} to {one_line(rows[-1]['path'])}" if rows else ""
    return f"Diagram of {one_line(settings.name)}: {settings.layers} layers{ends}, {settings.parameters:,} parameters."


def filters_text(tiles: Tiles) -> str:
    """Kernels: how many, of what size, between which weights."""
    settings, (height, width) = tiles.settings, tiles.pictures.shape[1:3]
    low, high = float(tiles.pictures.min()), float(tiles.pictures.max())
    layer = f"{settings.filters} filters of {one_line(settings.layer)} over {settings.channels} channels"
    return f"{layer}, {height} x {width} weights each, from {low:.3g} to {high:.3g}."


def maximized_text(tiles: Tiles) -> str:
    """Maximized inputs: for which classes, and the score that each reached."""
    captions = [one_line(caption) for caption in tiles.captions]
    what = f"{len(captions)} inputs, each made to raise one score" if len(captions) > 1 else "An input made to raise one score"
    return f"{what}; which, and the {tiles.settings.score} reached: {_listed(captions[:MAX_NAMES], len(captions))}."


def history_text(history: History) -> str:
    """Curves: each measure at its first and its last epoch."""
    ends = []
    for name, training, validation in history.pairs()[:MAX_NAMES]:
        beside = "" if validation is None else f" (validation {validation[0]:.4g} to {validation[-1]:.4g})"
        ends.append(f"{one_line(name)} {training[0]:.4g} to {training[-1]:.4g}{beside}")
    count = len(history.epochs)
    return f"Curves over {count} epoch{'s' if count > 1 else ''}: {'; '.join(ends)}."


def trust_text(trust: Trust) -> str:
    """Measures of some methods: the answer, and deletion and insertion of each method and baseline."""
    rows = []
    for row in trust.rows:
        deletion, insertion = (row["measures"][name]["mean"] for name in ("deletion", "insertion"))
        rows.append(f"{row['name']} {deletion:.2g} and {insertion:.2g}")
    panels = ", ".join(column["title"].replace("\n", " ") for column in trust.columns)
    return f"{trust.answer} A row per method, and panels: {panels}. Deletion and insertion: {'; '.join(rows)}."


def _maps_text(results: Sequence[Attribution]) -> str:
    """The maps of one image for one class, and where each is highest."""
    first = results[0]
    single = first.settings.classes == 1
    explained = "its output" if single else class_text(int(first.targets[0]), first.settings.class_names)
    maps = "; ".join(f"{result.method} {_peak_text(result.values[0])}" for result in results)
    return f"for {explained}, {_explained_score(first)}: {maps}"


def _explained_score(result: Attribution) -> str:
    """The explained score of the first image."""
    kind = result.settings.score
    has_probability = "probability" in result.arrays and kind.endswith("logit") and result.targets[0] >= 0
    return score_text(kind, result.scores[0], result.arrays["probability"][0] if has_probability else None)


def _peak_text(values: np.ndarray) -> str:
    position = peak_position(values)
    if position:
        return f"highest at the {position}"
    return "the same everywhere" if values.min() == values.max() else "drawn"


def _listed(names: Sequence[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")
