"""The progress of a training network: one line on standard error, where that is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from kerasdemos.training.progress import Progress as TrainingProgress


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[TrainingProgress], None] | None]:
    """A bar with epoch, loss, accuracy, images per second and time left; None where there is no terminal."""
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
        began: tuple[float, int] | None = None  # the time of the first report, and the images seen until then

        def show(progress: TrainingProgress) -> None:
            nonlocal began
            began = began or (time.monotonic(), progress.images)
            seconds, images = time.monotonic() - began[0], progress.images - began[1]
            speed = f" · {images / seconds:,.0f} images/s" if seconds else ""
            bar.update(
                task,
                description=f"{name} epoch {progress.epoch}/{progress.epochs}",
                completed=progress.images,
                total=progress.images + progress.remaining,
                numbers=f"loss {progress.loss:.4f} · accuracy {progress.accuracy:.4f}{speed}",
            )

        yield show
