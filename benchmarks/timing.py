"""Timing: several things done in turn, so that whatever else the machine does slows all of them down."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def seconds_of(call: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def in_turn(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The seconds that each contender returns, round by round.

    Each round begins with another contender, so that none always follows the same one.
    """
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        gc.collect()  # the garbage of one contender must not be collected in the time of another
        for name in names[first:] + names[:first]:
            times[name].append(contenders[name]())
    return times


def ratio(times: list[float], others: list[float]) -> float:
    """The median over the rounds of one time divided by the other of the same round."""
    return statistics.median(own / other for own, other in zip(times, others, strict=True))
