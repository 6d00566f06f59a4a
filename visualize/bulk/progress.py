"""Progress: how far a run is, how fast, and how long it will take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from visualize.bulk.plan import Plan


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: images of the shards that are there.
        total: images of the run, or of its share.
        computed: images that this run itself explained.
        seconds: since it began.
    """

    done: int
    total: int
    computed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.computed / max(self.seconds, 1e-9)

    @property
    def left(self) -> float | None:
        """The seconds that remain; None before the first shard is done."""
        return (self.total - self.done) / self.rate if self.computed else None


class Tracker:
    """Counts the images that are done, and reports them."""

    def __init__(self, plan: Plan, numbers: range, report: Callable[[Progress], None] | None):
        self.numbers, self._plan, self._report = numbers, plan, report
        self._started, self._done, self._computed = time.monotonic(), 0, 0
        self._total = sum(self._images(number) for number in numbers)
        self._lock = threading.Lock()

    def add(self, number: int, *, computed: bool) -> None:
        """One more shard is there."""
        with self._lock:
            self._done += self._images(number)
            self._computed += self._images(number) if computed else 0
        if self._report is not None:
            self._report(Progress(self._done, self._total, self._computed, time.monotonic() - self._started))

    def _images(self, number: int) -> int:
        start, stop = self._plan.rows(number)
        return stop - start
