"""Cards: what a model's input and classes mean, in a small JSON file beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from visualize._utils.text import shortened
from visualize.errors import InputError

MOST = 3.4e38  # about the largest float32
MOST_BYTES = 2**24  # of a card: names of a hundred thousand classes


@dataclass(frozen=True)
class Card:
    """What `visualize` reads of a card; all else in the file is for people.

    Attributes:
        input_range: what a black and a white pixel are for the model, or None where nobody says.
        class_names: one name a class, in the order of the model's output; empty where nobody says.
    """

    input_range: tuple[float, float] | None = None
    class_names: tuple[str, ...] = ()


def read_card(path: Path) -> Card:
    """The card at `path`; an empty one where there is no such file.

    Raises:
        InputError: the file is no JSON object, or its `input_range` or `class_names` are not what a card holds.
    """
    if not path.is_file():
        return Card()
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"The card {path} must have at most {MOST_BYTES:,} bytes. Received: {path.stat().st_size:,}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        raise InputError(f"The card {path} must be a JSON object. Received: something that is no JSON.") from None
    if not isinstance(content, dict):
        raise InputError(f"The card {path} must be a JSON object. Received: a {type(content).__name__}.")
    given_range, names = content.get("input_range"), content.get("class_names")
    return Card(
        None if given_range is None else checked_range(f"`input_range` of the card {path}", given_range),
        () if names is None else checked_names(f"`class_names` of the card {path}", names),
    )


def checked_range(what: str, value: object) -> tuple[float, float]:
    """An input range as two floats.

    Raises:
        InputError: it is not two finite numbers, the lower first.
    """
    numbers = isinstance(value, list | tuple) and len(value) == 2 and all(_is_finite(number) for number in value)
    if not numbers or not value[0] < value[1]:
        raise InputError(f"{what} must be [low, high], low < high. Received: {shortened(repr(value))}.")
    return float(value[0]), float(value[1])


def checked_names(what: str, value: object) -> tuple[str, ...]:
    """Class names as strings.

    Raises:
        InputError: it is not a list of strings.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{what} must be a list of strings. Received: {shortened(repr(value))}.")
    return tuple(value)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MOST <= value <= MOST
