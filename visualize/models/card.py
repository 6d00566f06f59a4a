"""Card: what a model's input and classes mean, in a small JSON file beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from visualize._utils.text import shortened
from visualize.errors import InputError

MAX_FLOAT = 3.4e38  # about the largest float32
MAX_CARD_BYTES = 2**24  # enough for the names of a hundred thousand classes
RESIZE_MODES = ("crop", "fit", "stretch")  # how a photograph of other proportions is brought to the size of a model
MAX_DEPTH = 32  # of lists and objects in one another
KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "null"}


@dataclass(frozen=True)
class Card:
    """What `visualize` reads of a card; everything else in the file is for people.

    Attributes:
        input_range: the values of a black and of a white pixel for the model; None if the card does not state them.
        class_names: one name per class, in the order of the model's output; empty if the card does not state them.
        resize: how a photograph is brought to the model's size, "crop", "fit" or "stretch"; None if the card does not say.
        resize_share: of "crop", the side of the part from the middle that is used, 1 for the largest; None if it does not say.
    """

    input_range: tuple[float, float] | None = None
    class_names: tuple[str, ...] = ()
    resize: str | None = None
    resize_share: float | None = None


def read_card(path: Path) -> Card:
    """The card at `path`; an empty card if there is no such file.

    Raises:
        InputError: the file is not a JSON object, or one of these four is not valid.
    """
    if not path.is_file():
        return Card()
    content = card_content(path)
    input_range, names, share = (content.get(key) for key in ("input_range", "class_names", "resize_share"))
    return Card(
        None if input_range is None else checked_range(f"`input_range` of the card {path}", input_range),
        () if names is None else checked_names(f"`class_names` of the card {path}", names),
        _checked_mode(f"`resize` of the card {path}", content.get("resize")),
        None if share is None else _checked_share(f"`resize_share` of the card {path}", share),
    )


def card_content(path: Path) -> dict[str, object]:
    """Everything in the card at `path`: a JSON object of limited size and depth.

    Raises:
        InputError: the file is something else.
        OSError: it cannot be read.
    """
    if path.stat().st_size > MAX_CARD_BYTES:
        raise InputError(f"The card {path} must have at most {MAX_CARD_BYTES:,} bytes. Received: {path.stat().st_size:,}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        raise InputError(f"The card {path} must be a JSON object. Received: something that is not JSON.") from None
    if not isinstance(content, dict):
        raise InputError(f"The card {path} must be a JSON object. Received: {KINDS[type(content)]}.")
    if _is_deeper(content, MAX_DEPTH):
        raise InputError(f"The card {path} must be nested at most {MAX_DEPTH} deep. Received: a deeper one.")
    return content


def checked_range(what: str, value: object) -> tuple[float, float]:
    """An input range as two floats.

    Raises:
        InputError: it is not two finite numbers, the lower first.
    """
    match value:
        case [low, high] if _is_finite(low) and _is_finite(high) and low < high:
            return float(low), float(high)
    raise InputError(f"{what} must be [low, high], low < high. Received: {shortened(repr(value))}.")


def checked_names(what: str, value: object) -> tuple[str, ...]:
    """Class names as strings.

    Raises:
        InputError: it is not a list of strings.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{what} must be a list of strings. Received: {shortened(repr(value))}.")
    return tuple(value)


def _checked_mode(what: str, value: object) -> str | None:
    if value is None or value in RESIZE_MODES:
        return value
    raise InputError(f"{what} must be one of {', '.join(RESIZE_MODES)}. Received: {shortened(repr(value))}.")


def _checked_share(what: str, value: object) -> float:
    if not _is_finite(value) or not 0 < value <= 1:
        raise InputError(f"{what} must be above 0 and at most 1. Received: {shortened(repr(value))}.")
    return float(value)


def _is_deeper(content: object, levels: int) -> bool:
    """Whether lists and objects are nested more than so many levels deep; without recursion, which has a limit itself."""
    level = [content]
    for _ in range(levels):
        nested = [list(each.values()) if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [element for elements in nested for element in elements]
    return any(isinstance(each, dict | list) for each in level)


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MAX_FLOAT <= value <= MAX_FLOAT
