"""Checks: the plain things that a person hands over, refused where they are of the wrong kind."""

from __future__ import annotations

import inspect
import math
import numbers
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visualize._utils.text import shortened
from visualize.errors import InputError


def received(value: Any) -> str:
    """A value as a message shows it, on one line."""
    return shortened(" ".join(repr(value).split()))


def checked_number(name: str, value: Any) -> float:
    """A finite number.

    Raises:
        InputError: it is none.
    """
    if not is_number(value):
        raise InputError(f"`{name}` must be a finite number. Received: {received(value)}.")
    return float(value)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, which True and False are not."""
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def checked_word(name: str, value: Any, words: Sequence[str | None]) -> Any:
    """One of a few words.

    Raises:
        InputError: it is none of them.
    """
    if not isinstance(value, str | None) or value not in words:
        choices = f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
        raise InputError(f"`{name}` must be {choices}. Received: {received(value)}.")
    return value


def checked_path(name: str, value: Any) -> Path:
    """A path of a file or folder.

    Raises:
        InputError: it is neither a string nor a path.
    """
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"`{name}` must be a path. Received: {received(value)}.")
    return Path(value)


def parameters_of(name: str, method: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of a method, by their names.

    Raises:
        InputError: it is no function, or one that does not tell its parameters.
    """
    try:
        return inspect.signature(method).parameters
    except (TypeError, ValueError):
        hint = ", not its name" if isinstance(method, str) else ""
        raise InputError(
            f"`{name}` must be a function such as visualize.gradcam{hint}. Received: {received(method)}."
        ) from None
