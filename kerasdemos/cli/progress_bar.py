"""What a person sees while a network trains: a line on stderr, where that is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from kerasdemos.training.progress import Progress as Moment


@contextmanager
def training(name: str) -> Iterator[Callable[[Moment], None] | None]:
    """A bar with epoch, loss, accuracy, images a second and time left; None where nobody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None, numbers="")
        began = None

        def show(moment: Moment) -> None:
            nonlocal began
            began = began or (time.monotonic(), moment.images)
            passed, seen = time.monotonic() - began[0], moment.images - began[1]
            speed = f" · {seen / passed:,.0f} images/s" if passed else ""
            numbers = f"loss {moment.loss:.4f} · accuracy {moment.accuracy:.4f}{speed}"
            bar.update(
                task,
                description=f"{name} epoch {moment.epoch}/{moment.epochs}",
                completed=moment.images,
                total=moment.images + moment.remaining,
                numbers=numbers,
            )

        yield show
