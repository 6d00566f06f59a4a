"""Validation: checks of arguments that know nothing of models."""

from __future__ import annotations

import functools
import inspect
import math
import numbers
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from visualize._utils.text import shortened
from visualize.errors import InputError

MAX_COUNT = 2**31 - 1  # the largest int32, in which TensorFlow counts

Function = TypeVar("Function", bound=Callable[..., Any])


def received(value: object) -> str:
    """A value as a message shows it, on one line."""
    return shortened(" ".join(repr(value).split()))


def checked_number(name: str, value: object) -> float:
    """A finite number as a float.

    Raises:
        InputError: it is not a finite number.
    """
    if not is_number(value):
        raise InputError(f"`{name}` must be a finite number. Received: {received(value)}.")
    return float(value)


def checked_count(name: str, value: int, least: int) -> int:
    """A whole number from `least` to the largest that TensorFlow counts to.

    Raises:
        InputError: it is not a whole number in that range.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"`{name}` must be a whole number from {least}. Received: {value!r}.")
    if value > MAX_COUNT:
        raise InputError(f"`{name}` must be a whole number from {least} to {MAX_COUNT}. Received: {value}.")
    return int(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite real number; True and False are not."""
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number larger than any float
        return False


def checked_word(name: str, value: Any, words: Sequence[str | None]) -> Any:
    """The value, if it is one of a few words.

    Raises:
        InputError: it is not one of them.
    """
    if not isinstance(value, str | None) or value not in words:
        choices = f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
        raise InputError(f"`{name}` must be {choices}. Received: {received(value)}.")
    return value


def checked_path(name: str, value: object) -> Path:
    """The path of a file or folder.

    Raises:
        InputError: it is neither a string nor a path.
    """
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"`{name}` must be a path. Received: {received(value)}.")
    return Path(value)


def parameters_of(name: str, method: object) -> Mapping[str, inspect.Parameter]:
    """The parameters of a method by name.

    Raises:
        InputError: it is not a function, or its parameters are unknown.
    """
    try:
        if not callable(method):
            raise TypeError
        return inspect.signature(method).parameters
    except (TypeError, ValueError):
        hint = ", not its name" if isinstance(method, str) else ""
        raise InputError(
            f"`{name}` must be a function such as visualize.gradcam{hint}. Received: {received(method)}."
        ) from None


def renamed_keywords(**new_names: str) -> Callable[[Function], Function]:
    """Let a function take keywords by their old names, with a warning, for one release.

    Args:
        new_names: the new name of each old one.
    """

    def decorated(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **with_new_names(kwargs, stacklevel=3, **new_names))

        return call  # pyright: ignore[reportReturnType]

    return decorated


def with_new_names(keywords: Mapping[str, Any], *, stacklevel: int = 2, **new_names: str) -> dict[str, Any]:
    """Keywords with the old names among them replaced, each with a warning.

    Raises:
        InputError: a keyword is passed under both names.
    """
    renamed = dict(keywords)
    for old, new in new_names.items():
        if old in renamed:
            warnings.warn(f"`{old}` is called `{new}` now.", FutureWarning, stacklevel=stacklevel + 1)
            if new in renamed:
                raise InputError(f"`{new}` must be given once. Received: `{new}` and its old name `{old}`.")
            renamed[new] = renamed.pop(old)
    return renamed
