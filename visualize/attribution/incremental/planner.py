"""Planner: from which layer on full maps are cheaper than windows.

Windows grow from layer to layer, and somewhere they are most of the map. Every layer that could be the last one in windows is
tried; behind it, what has changed is pasted into the unhidden maps, and the model goes on in full. The plan of least estimated
time is taken, or none, where no window saves enough.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from visualize.attribution.incremental import costs
from visualize.attribution.incremental.costs import Cost
from visualize.attribution.incremental.layer_rules import End
from visualize.attribution.incremental.receptive_field import hidden
from visualize.attribution.incremental.walk import Changed, Step, asked_for, leaves, steps_of
from visualize.engine.forward import ForwardPass
from visualize.errors import InputError

WORTH = 0.9  # of the full computation's estimated time at most, or it is left alone
LIVE = 2**24  # numbers that the windows of one batch may have in memory
KEPT = 2**26  # ... and the unhidden maps
FULL_BATCH = 64  # hidden copies that the full computation has side by side
PATHS = ("auto", "windows", "full")


@dataclass(frozen=True, eq=False)
class Plan:
    """What to compute in windows.

    Attributes:
        image: what changes of the images.
        facts: for a result's settings.
        steps: the calls that are computed in windows, in order; none where all is computed in full.
        handed: those of them on whose output the rest of the model depends.
        edges: of the places that are computed side by side, counted row by row: from one edge to the next.
        time: of one hidden copy, as `costs` estimate it.
        kept: numbers that stand in memory for each unhidden image.
    """

    image: Changed | None
    facts: dict[str, Any]
    steps: tuple[Step, ...] = ()
    handed: tuple[Step, ...] = ()
    edges: tuple[int, ...] = ()
    time: float = 0.0
    kept: int = 0


def plan(seen: ForwardPass, starts: Sequence[Sequence[int]], patch: int, *, batch: int, path: str = "auto") -> Plan:
    """Decide how to compute a model for images of which a square patch is hidden.

    Args:
        seen: a look at the unhidden images.
        starts: the first rows of the places of the patch, and their first columns.
        patch: side of the square.
        batch: how many images there are at a time.
        path: "auto"; "full" for none in windows; "windows" for at least one layer, whatever the estimate says.

    Raises:
        InputError: `path` is "windows", and no layer can be computed in windows.
    """
    if path == "full":
        return Plan(None, {"path": "full", "path_reason": "asked for"})
    found, why = plans(seen, starts, patch, batch=batch)
    best = min(found, key=lambda one: one.time, default=None)
    if best is None and path == "windows":
        raise InputError(f"`path` must be 'full' or 'auto': no layer can be computed in windows ({why}). Received: {path!r}.")
    if best is None:
        return Plan(None, {"path": "full", "path_reason": why})
    saving = best.facts["estimated_saving"]
    if path == "auto" and saving * WORTH < 1:
        why = f"windows were estimated to save {saving} times" + (f"; {why}" if why else "")
        return Plan(None, {"path": "full", "path_reason": why})
    return best


def plans(seen: ForwardPass, starts: Sequence[Sequence[int]], patch: int, *, batch: int) -> tuple[list[Plan], str]:
    """Every plan that there is, by the arguments of `plan`, and why some layer that sees the patch has no windows."""
    images = seen.images
    if images.shape.rank != 4 or None in images.shape[1:]:
        return [], "the images are not (batch, height, width, channels) of a known size"
    rows, columns = (hidden(first, patch, length) for first, length in zip(starts, images.shape[1:3], strict=True))
    image = Changed(images, tuple(images.shape[1:]), rows, columns)
    steps, reasons = steps_of(seen, image)
    calls = leaves(seen)
    full = {number: costs.in_full(call) for number, call in calls.items()}
    never = sum((cost for number, cost in full.items() if number not in {step.number for step in steps}), Cost())
    in_windows = list(itertools.accumulate(map(costs.in_windows, steps)))  # up to each step
    in_full = list(itertools.accumulate((full[step.number] for step in reversed(steps)), initial=never))[::-1]  # from it on
    last = {name: step.number for step in steps for name in step.names}  # the step that reads a map last
    last |= dict.fromkeys(asked_for(seen, {images.name, *(step.name for step in steps)}), len(seen.calls))
    remaining, found = list(calls), []
    for count, step in enumerate(steps, 1):
        remaining.remove(step.number)
        handed = tuple(one for one in steps[:count] if last.get(one.name, -1) > step.number)
        cost = in_windows[count - 1] + in_full[count]
        cost += sum((costs.of_pasting(one.output) for one in handed if one.output is not None), Cost())
        edges = _edges(image, steps[:count], cost.live * batch)
        time = cost.time(batch * edges[-1] / (len(edges) - 1))
        behind = next((number for number in remaining if number > step.number), None)
        facts = {
            "path": "windows",
            "full_from": None if behind is None else calls[behind].path,
            "path_reason": "" if behind is None else reasons.get(behind, "full maps are cheaper from there on"),
            "estimated_saving": round(in_full[0].time(FULL_BATCH) / time, 2),
            "operations_saving": round(in_full[0].operations / max(1.0, cost.operations), 2),
        }
        kept = sum(prod(one.output.shape) for one in steps[:count] if one.output is not None)
        found.append(Plan(image, facts, tuple(steps[:count]), handed, edges, time, kept))
    return found, next(iter(reasons.values()), "" if steps else "no layer with a rule reads the images")


def _edges(image: Changed, steps: Sequence[Step], live: float) -> tuple[int, ...]:
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
