"""Wording: what a figure shows, in a sentence for who cannot see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from visualize.data.history import History
from visualize.results import Attribution, Structure, Tiles

MOST_LETTERS = 80  # of a name that people gave
MOST_NAMED = 12  # things that a sentence lists
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "center", "right")


def shown(text: Any, most: int = MOST_LETTERS) -> str:
    """A name on one line, cut in its middle where it is long; a space for what is no letter or turns the writing around."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text))
    half = most // 2
    return line if len(line) <= most else f"{line[:half]}\u2026{line[-(most - half - 1) :]}"


def class_name(index: int, names: Sequence[str]) -> str:
    """A class as a text says it: its name, or its number where the name is none or a number."""
    return shown(names[index]) if 0 <= index < len(names) and not names[index].isdecimal() else f"class {index}"


def place(values: np.ndarray) -> str:
    """Where in a map its highest value stands, "top left"; "" where all are one, or it is no map of a picture."""
    if values.ndim != 2 or not np.isfinite(values).all() or values.min() == values.max():
        return ""
    row, column = np.unravel_index(values.argmax(), values.shape)
    height, width = values.shape
    named = f"{_ROWS[3 * int(row) // height]} {_COLUMNS[3 * int(column) // width]}"
    return "center" if named == "middle center" else named


def score_of(one: Attribution, row: int) -> str:
    """The score that was explained, and the output that belongs to it: "logit 12.4, probability 0.998"."""
    kind = one.settings.get("score", "score")
    text = f"{kind} {one.scores[row]:.4g}"
    return f"{text}, probability {one.arrays['probability'][row]:.3f}" if _has_probability(one, kind) else text


def of_sheet(attributions: Sequence[Attribution]) -> str:
    """The maps of some methods: of what, for which class, and where each is highest."""
    first = attributions[0]
    count = len(first.values)
    names = [shown(name) for name in first.arrays["names"][:MOST_NAMED]]
    if count > 1:
        methods = ", ".join(one.method for one in attributions)
        return f"{count} images, a row each, and what matters in them by {methods}: {_listed(names, count)}."
    target = int(first.targets[0])
    one_number = first.settings.get("classes") == 1
    called = "its output" if one_number else class_name(target, first.settings.get("class_names", []))
    maps = []
    for one in attributions:
        where = place(one.values[0])
        flat = one.values[0].min() == one.values[0].max()
        maps.append(f"{one.method} {f'highest at the {where}' if where else 'the same everywhere' if flat else 'drawn'}")
    return f"{names[0]} and what matters in it for {called}, {score_of(first, 0)}: {'; '.join(maps)}."


def of_structure(structure: Structure) -> str:
    """A diagram: how many layers, from which to which."""
    rows = structure.rows
    ends = f", from {shown(rows[0]['path'])} to {shown(rows[-1]['path'])}" if rows else ""
    settings = structure.settings
    return f"Diagram of {shown(settings['name'])}: {settings['layers']} layers{ends}, {settings['parameters']:,} parameters."


def of_filters(tiles: Tiles) -> str:
    """Kernels: how many, of what size, between which weights."""
    settings, (height, width) = tiles.settings, tiles.pictures.shape[1:3]
    low, high = float(tiles.pictures.min()), float(tiles.pictures.max())
    over = f"{settings['filters']} filters of {shown(settings['layer'])} over {settings['channels']} channels"
    return f"{over}, {height} x {width} weights each, from {low:.3g} to {high:.3g}."


def of_maximized(tiles: Tiles) -> str:
    """Inputs that were climbed to: for which classes, and what these answer."""
    kind, captions = tiles.settings["score"], [shown(caption) for caption in tiles.captions]
    what = f"{len(captions)} inputs, each made to raise one score" if len(captions) > 1 else "An input made to raise one score"
    return f"{what}; which, and the {kind} reached: {_listed(captions[:MOST_NAMED], len(captions))}."


def of_history(history: History) -> str:
    """Curves: each measure at its first and its last epoch."""
    ends = []
    for name, own, other in history.pairs()[:MOST_NAMED]:
        beside = "" if other is None else f" (validation {other[0]:.4g} to {other[-1]:.4g})"
        ends.append(f"{shown(name)} {own[0]:.4g} to {own[-1]:.4g}{beside}")
    count = len(history.epochs)
    return f"Curves over {count} epoch{'s' if count > 1 else ''}: {'; '.join(ends)}."


def _has_probability(one: Attribution, kind: str) -> bool:
    return "probability" in one.arrays and kind.endswith("logit") and one.targets[0] >= 0


def _listed(names: Sequence[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")
