"""Which demos there are: every file of kerasdemos/demos, by its name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.resources import files

from kerasdemos.demo import Demo
from visualize._utils.validation import received
from visualize.errors import InputError


def names() -> tuple[str, ...]:
    """The names of all demos, in alphabetical order; imports none of them.

    Returns:
        What `load` takes.
    """
    file_names = (entry.name for entry in files("kerasdemos.demos").iterdir())
    return tuple(sorted(name[:-3] for name in file_names if name.endswith(".py") and name != "__init__.py"))


def load(name: str) -> Demo:
    """The demo of that name.

    Args:
        name: such as "digits_cnn".

    Returns:
        Demo, which `kerasdemos.training.run.train` runs.

    Raises:
        InputError: there is none; the message names the nearest ones, or all of them.
    """
    choices = names()
    if name not in choices:
        raise unknown_name("demo", name, choices)
    return import_module(f"kerasdemos.demos.{name}").DEMO


def unknown_name(kind: str, name: object, choices: Sequence[str]) -> InputError:
    """The refusal of a name, with the nearest ones or, where none is near, all of them.

    Args:
        kind: of what the name should be, such as "demo".
        name: what was received.
        choices: the names that there are.
    """
    near = get_close_matches(name, choices) if isinstance(name, str) else []
    expected = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(choices)}."
    return InputError(f"`NAME` must be the name of a {kind}. Received: {received(name)}. {expected}")


def load_all() -> tuple[Demo, ...]:
    """Every demo, in the order of the articles and then of their names.

    Returns:
        Each as `load` returns it.
    """
    return tuple(sorted(map(load, names()), key=lambda demo: (demo.article, demo.name)))
