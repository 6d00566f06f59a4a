"""The console: one-line errors, notes and progress on standard error, without TensorFlow's own start-up notices."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import gc
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from visualize._utils.lazy import start_tensorflow, tf
from visualize._utils.native_stderr import reports_to
from visualize._utils.text import printable, shortened
from visualize.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
T = TypeVar("T")

MOST_LINE = 2000  # characters
_said: contextvars.ContextVar[set[str] | None] = contextvars.ContextVar("said", default=None)
_terminal: contextvars.ContextVar[Console | None] = contextvars.ContextVar("terminal", default=None)  # one that moves


class OneLineGroup(click.Group):
    """A group of commands whose wrong options and arguments are reported in one line, like every other mistake."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """As click does, with a usage error in one line."""
        _settle_environment()
        with one_line_usage_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, with a usage error in one line."""
        with one_line_usage_errors(), reports_to(lambda report: say(f"Note: {report}")):
            return super().invoke(ctx)


def _settle_environment() -> None:
    """Make up for closed streams, for those that lack characters, and for settings of matplotlib that do not fit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    os.environ.pop("MPLBACKEND", None)  # commands open no window
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it says where it caches fonts if it cannot do so as set


@contextlib.contextmanager
def one_line_usage_errors() -> Iterator[None]:
    """Report a wrong option or argument in one line that names the help."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        see = f" See: {error.ctx.command_path} --help" if error.ctx else ""
        raise click.UsageError(printable(" ".join(error.format_message().split())) + see) from None


def one_line_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Turn a user's mistake into one line and exit status 2; any other exception is our bug and keeps its traceback."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BrokenPipeError:  # the program that reads the output has stopped reading
            raise
        except (InputError, OSError) as error:
            say(f"Error: {error}")
            sys.exit(2)
        except Exception as error:
            if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":  # TensorFlow's
                raise
            advice = "A smaller image or model needs less, and so does a smaller --batch-size where there is one."
            say(f"Error: This needs more memory than there is. {advice}")
            sys.exit(2)
        except KeyboardInterrupt:
            say("Interrupted: what was written is whole.")
            sys.exit(130)

    return run


def say(line: str) -> None:
    """Write a note to the user, one line on standard error."""
    said = _said.get()
    if said is None or line not in said:
        text, terminal = printable(shortened(" ".join(line.split()), MOST_LINE)), _terminal.get()
        if terminal is None:
            click.echo(text, err=True)
        else:  # above the spinner or the bar, which stay where they are
            terminal.print(text, markup=False, highlight=False, soft_wrap=True)
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
def warnings_as_notes() -> Iterator[None]:
    """Within this context a warning is a note to the user, said at once, without the file and line that issued it."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: say(f"Note: {message}")
        yield


def import_tensorflow() -> None:
    """Import TensorFlow without its notices and its advice; TF_CPP_MIN_LOG_LEVEL=0 lets them through."""
    start_tensorflow()
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "0":
        tf.get_logger().setLevel("ERROR")  # no advice about retracing, which several models in a row set off


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

    with os.fdopen(os.dup(2), "w") as stream:  # 2 itself may be silenced meanwhile
        console = Console(file=stream)
        with console.status(what), _notes_above(console):
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

    console = Console(stderr=True)
    with Progress(console=console, transient=True) as bar, _notes_above(console):
        task = bar.add_task(name, total=None)
        with tracing.progress(lambda done, total: bar.update(task, completed=done, total=total)):
            yield


@contextlib.contextmanager
def _notes_above(console: Console) -> Iterator[None]:
    """Within this context notes are written above what moves on a terminal."""
    token = _terminal.set(console)
    try:
        yield
    finally:
        _terminal.reset(token)
