"""What decoders written in C report on standard error: taken from there while the command line reads a picture."""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import tempfile
from collections.abc import Callable, Iterator

MOST_BYTES = 300  # of a report

_listener: contextvars.ContextVar[Callable[[str], None] | None] = contextvars.ContextVar("listener", default=None)


@contextlib.contextmanager
def reports_to(listener: Callable[[str], None]) -> Iterator[None]:
    """Within this context `listener` gets what decoders report, where they go on in spite of it.

    Standard error is that of the whole process: a context for programs, such as the command line, not for libraries.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def decoding(name: str) -> Iterator[None]:
    """Keep standard error free of what a decoder reports, if anyone listens; nothing is changed otherwise.

    Args:
        name: of the file, which begins the report.
    """
    listener = _listener.get()
    stderr = None if listener is None else _copy_of_stderr()
    if listener is None or stderr is None:
        yield
        return
    with tempfile.TemporaryFile() as written:
        _flush()
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            _flush()
            os.dup2(stderr, 2)
            os.close(stderr)
        written.seek(0)
        report = written.readline(MOST_BYTES).decode(errors="replace").strip()
    if report:
        listener(f"{name} is damaged. Its decoder reports: {report}")


def _copy_of_stderr() -> int | None:
    try:
        return os.dup(2)
    except OSError:  # closed: nobody reads it
        return None


def _flush() -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # it may be missing or closed
        sys.stderr.flush()
