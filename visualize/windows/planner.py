"""Planner: from which layer on full maps are cheaper than windows.

Windows grow from layer to layer, and somewhere they are most of the map. Every layer that could be the last one in windows is
tried; behind it, what has changed is pasted into the unhidden maps and the model goes on in full. The one of least estimated time
is taken, or none, where no window saves enough.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from visualize import probe
from visualize.windows import costs
from visualize.windows.costs import Cost
from visualize.windows.rules import End
from visualize.windows.spans import hidden
from visualize.windows.walk import Changed, Step, asked_for, leaves, steps_of

WORTH = 0.9  # of the full computation's estimated time at most, or it is left alone
LIVE = 2**24  # numbers that the windows of one batch may have in memory


@dataclass(frozen=True, eq=False)
class Plan:
    """What to compute in windows.

    Attributes:
        image: what changes of the images.
        facts: for a result's settings.
        steps: the calls that are computed in windows, in order; none where that is not worth while.
        handed: those of them on whose output the rest of the model depends.
        unhidden: by name, what each step that ends in a row makes of the unhidden images.
        edges: of the places that are computed side by side, counted row by row: from one edge to the next.
        kept: numbers that stand in memory for each unhidden image.
    """

    image: Changed | None
    facts: dict[str, Any]
    steps: tuple[Step, ...] = ()
    handed: tuple[Step, ...] = ()
    unhidden: dict[str, Any] = field(default_factory=dict)
    edges: tuple[int, ...] = ()
    kept: int = 0


def plan(seen: probe.Look, tops: Sequence[int], lefts: Sequence[int], patch: int, batch: int) -> Plan:
    """Decide how to compute a model for images of which a square patch is hidden.

    Args:
        seen: a look at the unhidden images.
        tops: the first row of each row of places.
        lefts: the first column of each column of places.
        patch: side of the square.
        batch: how many images there are at a time.
    """
    tensor = seen.images
    if tensor.shape.rank != 4 or None in tensor.shape[1:]:
        return _full("the images are not (batch, height, width, channels) of a known size")
    height, width, channels = tensor.shape[1:]
    rows, columns = hidden(tops, patch, height), hidden(lefts, patch, width)
    image = Changed(tensor, (height, width, channels), rows, columns)
    steps, reasons = steps_of(seen, image)
    if not steps:
        return _full(next(iter(reasons.values()), "no layer reads the image"))
    return _cheapest(seen, image, steps, reasons, batch)


def _full(why: str) -> Plan:
    return Plan(None, {"path": "full", "path_reason": why})


def _cheapest(seen: probe.Look, image: Changed, steps: list[Step], reasons: dict[int, str], batch: int) -> Plan:
    calls = leaves(seen)
    full = {number: costs.in_full(call) for number, call in calls.items()}
    everything = sum(full.values(), Cost())
    asked = asked_for(seen, {image.tensor.name, *(step.name for step in steps)})
    places = len(image.rows.first) * len(image.columns.first)
    tried = []
    for count in range(1, len(steps) + 1):
        inside, outside = steps[:count], steps[count:]
        handed = _handed(inside, asked | {name for step in outside for name in step.names})
        cost = sum((full[number] for number in full if number not in {step.number for step in inside}), Cost())
        cost += sum((costs.in_windows(step) for step in inside), Cost())
        cost += sum((costs.of_pasting(step.output) for step in handed if step.output is not None), Cost())
        edges = _edges(image, inside, cost.live * batch)
        copies = places * batch / (len(edges) - 1)
        tried.append((cost.time(copies), cost, inside, handed, edges))
    time, cost, inside, handed, edges = min(tried, key=lambda one: one[0])
    saving = everything.time(128) / time
    done = {step.number for step in inside}
    behind = next((number for number in calls if number > inside[-1].number and number not in done), None)
    why = next(iter(reasons.values()), "windows are not much smaller than the maps")
    if 1 / saving > WORTH:
        return _full(f"windows were estimated to save {saving:.2f} times: {why}")
    facts = {
        "path": "windows",
        "full_from": None if behind is None else calls[behind].path,
        "path_reason": reasons.get(behind, "full maps are cheaper from there on"),
        "estimated_saving": round(saving, 2),
        "operations_saving": round(everything.operations / max(1.0, cost.operations), 2),
    }
    unhidden = {step.name: step.rule.unhidden(step.inputs[0].tensor) for step in inside if isinstance(step.rule, End)}
    kept = sum(prod(step.output.shape) for step in inside if step.output is not None)
    return Plan(image, facts, tuple(inside), tuple(handed), unhidden, edges, kept)


def _handed(inside: list[Step], needed: set[str]) -> list[Step]:
    return [step for step in inside if step.name in needed]


def _edges(image: Changed, steps: list[Step], live: float) -> tuple[int, ...]:
    """Cut the places into even batches that fit into memory, and that share the rows that a step reads whole."""
    rows, columns = len(image.rows.first), len(image.columns.first)
    starts = [step.inputs[0].rows.start for step in steps if isinstance(step.rule, End) and step.rule.across]
    breaks = [row for row in range(1, rows) if any(start[row] != start[row - 1] for start in starts)]
    most = max(1, int(LIVE / live))
    edges = [0]
    for start, stop in itertools.pairwise([0, *breaks, rows]):
        count = (stop - start) * columns
        pieces = -(-count // most)
        edges += [start * columns + count * piece // pieces for piece in range(1, pieces + 1)]
    return tuple(edges)
