"""Terminal: what a person sees on standard error while waiting."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import os
import sys
from collections.abc import Iterator

import click

from visualize._utils.text import printable, shortened

MOST_LINE = 2000  # characters
_said: contextvars.ContextVar[set[str] | None] = contextvars.ContextVar("said", default=None)


def say(line: str) -> None:
    """A word to the person, on standard error."""
    said = _said.get()
    if said is None or line not in said:
        click.echo(printable(shortened(" ".join(line.split()), MOST_LINE)), err=True)
    if said is not None:
        said.add(line)


@contextlib.contextmanager
def once() -> Iterator[None]:
    """Within this context nothing is said twice."""
    token = _said.set(set())
    try:
        yield
    finally:
        _said.reset(token)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what native code writes to the standard error while TensorFlow is imported."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Leave the garbage collector alone, and never look again at what there is afterwards.

    TensorFlow's import makes a million objects that stay. To look for garbage among them, over and over, costs a second.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextlib.contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with os.fdopen(os.dup(2), "w") as terminal, Console(file=terminal).status(what):  # 2 itself may be silenced meanwhile
        yield


@contextlib.contextmanager
def progress_bar(name: str) -> Iterator[None]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress

    from visualize.engine import compile as tracing

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        with tracing.progress(lambda done, total: bar.update(task, completed=done, total=total)):
            yield
