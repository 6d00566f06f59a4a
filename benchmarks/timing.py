"""Timing: several things done in turn, so that what else the machine does counts for all of them."""

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
    """What each contender says of its seconds, round by round, all of them in every round.

    Each round begins with another one, so that none always follows the same.
    """
    names = list(contenders)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        gc.collect()  # what one has left behind is not to be swept up on the time of another
        for name in names[first:] + names[:first]:
            found[name].append(contenders[name]())
    return found


def ratio(times: list[float], others: list[float]) -> float:
    """The median over the rounds of one's time by the other's in the same round."""
    return statistics.median(one / other for one, other in zip(times, others, strict=True))
