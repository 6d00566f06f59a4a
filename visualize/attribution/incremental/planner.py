"""Planner: from which layer on full maps are cheaper than windows.

Windows grow from layer to layer, and somewhere they are most of the map. Every layer is tried as the last one in windows;
behind it, what has changed is pasted into the unhidden maps, and the model goes on in full. The plan of the least estimated
time is taken, or the full computation, where no plan saves enough.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from visualize.attribution.incremental.costs import Cost, full_cost, pasting_cost, window_cost
from visualize.attribution.incremental.receptive_field import hidden_span
from visualize.attribution.incremental.walk import ChangedMap, Step, SumStep, leaf_calls, read_by_output, steps_of
from visualize.engine.forward import ForwardPass, LayerCall
from visualize.errors import InputError
from visualize.models.layers import listed

WORTH = 0.9  # windows must take at most this part of the full computation's estimated time
LIVE = 2**24  # numbers that the windows of one batch may have in memory
KEPT = 2**26  # numbers that the unhidden maps may have in memory
FULL_BATCH = 64  # hidden copies that the full computation has side by side
PATHS = ("auto", "windows", "full")


@dataclass(frozen=True)
class PlanRecord:
    """What the settings of a result tell of a plan.

    Attributes:
        path: "windows" or "full".
        path_reason: why some layer, or every layer, is computed in full; "" where none is.
        full_from: path of the first layer that is computed in full; None where there is none.
        estimated_saving: the estimated time of the full computation over that of the plan.
        operations_saving: the same of multiply-adds, counted from the shapes.
    """

    path: str
    path_reason: str
    full_from: str | None = None
    estimated_saving: float = 1.0
    operations_saving: float = 1.0

    @property
    def settings(self) -> dict[str, str | float | None]:
        """The record as plain JSON values; of the full computation, the path and the reason alone."""
        if self.path == "full":
            return {"path": self.path, "path_reason": self.path_reason}
        return {
            "path": self.path,
            "full_from": self.full_from,
            "path_reason": self.path_reason,
            "estimated_saving": self.estimated_saving,
            "operations_saving": self.operations_saving,
        }


@dataclass(frozen=True, eq=False)
class FullPlan:
    """Compute the whole model for every hidden copy.

    Attributes:
        record: for the settings of a result.
    """

    record: PlanRecord


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """Compute the first layers in windows, and the rest of the model in full.

    Attributes:
        record: for the settings of a result.
        image: what changes of the images.
        steps: the calls that are computed in windows, in order.
        frontier: those of them on whose output the rest of the model depends.
        edges: of the batches of positions that are computed side by side, counted row by row: from one edge to the next.
        time: of one hidden copy, as `costs` estimate it.
        kept: numbers that stand in memory for each unhidden image.
    """

    record: PlanRecord
    image: ChangedMap
    steps: tuple[Step, ...]
    frontier: tuple[Step, ...]
    edges: tuple[int, ...]
    time: float
    kept: int


def plan(
    forward: ForwardPass, starts: Sequence[Sequence[int]], patch: int | Sequence[int], *, batch: int, path: str = "auto"
) -> WindowPlan | FullPlan:
    """Decide how to compute a model for images of which a patch is hidden.

    Args:
        forward: the forward pass of the unhidden images.
        starts: the first rows of the patches, and their first columns; every pair of them is a position.
        patch: side of the square, or one for each axis.
        batch: number of images at a time.
        path: "auto"; "full" for the full computation; "windows" for at least one layer in windows, whatever the estimate says.

    Raises:
        InputError: `path` is "windows", and no layer can be computed in windows.
    """
    if path == "full":
        return FullPlan(PlanRecord("full", "asked for"))
    if alone := list(dict.fromkeys(sum(forward.training_layers, ()))):  # windows have several positions side by side
        candidates, reason = [], f"{listed(alone)} need each image alone"
    else:
        candidates, reason = window_plans(forward, starts, patch, batch=batch)
    best = min(candidates, key=lambda candidate: candidate.time, default=None)
    if best is None and path == "windows":
        raise InputError(
            f"`path` must be 'full' or 'auto': no layer can be computed in windows ({reason}). Received: {path!r}."
        )
    if best is None:
        return FullPlan(PlanRecord("full", reason))
    if path == "auto" and best.record.estimated_saving * WORTH < 1:
        estimate = f"windows were estimated to save {best.record.estimated_saving} times"
        return FullPlan(PlanRecord("full", f"{estimate}; {reason}" if reason else estimate))
    return best


def window_plans(
    forward: ForwardPass, starts: Sequence[Sequence[int]], patch: int | Sequence[int], *, batch: int
) -> tuple[list[WindowPlan], str]:
    """Every plan in windows, by the arguments of `plan`; and why the first layer without windows has none, or ""."""
    images = forward.images
    if images.shape.rank != 4 or None in images.shape[1:]:
        return [], "the images are not (batch, height, width, channels) of a known size"
    size = [length for length in images.shape.as_list()[1:3] if length is not None]
    sides = [patch, patch] if isinstance(patch, int) else patch
    rows, columns = (hidden_span(*axis) for axis in zip(starts, sides, size, strict=True))
    image = ChangedMap.of(images, rows, columns)
    steps, reasons = steps_of(forward, image)
    candidates = _Candidates(forward, image, steps, reasons, batch)
    plans = [candidates.up_to(count) for count in range(1, len(steps) + 1)]
    return plans, next(iter(reasons.values()), "" if steps else "no layer with a rule reads the images")


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The plans that differ in which step is the last one in windows.

    Attributes:
        forward: the forward pass of the unhidden images.
        image: what changes of them.
        steps: every call that can be computed in windows.
        reasons: by number, why a call cannot.
        batch: number of images at a time.
    """

    forward: ForwardPass
    image: ChangedMap
    steps: Sequence[Step]
    reasons: Mapping[int, str]
    batch: int

    def up_to(self, count: int) -> WindowPlan:
        """The plan whose first `count` steps are computed in windows."""
        steps = tuple(self.steps[:count])
        last_number = steps[-1].number
        frontier = tuple(step for step in steps if self._last_readers.get(step.name, -1) > last_number)
        cost = self._window_costs[count - 1] + self._full_costs[count]
        cost += sum((pasting_cost(step.output) for step in frontier if step.output is not None), Cost())
        edges = _edges(self.image, steps, cost.live * self.batch)
        time = cost.time(self.batch * edges[-1] / (len(edges) - 1))
        all_in_full = self._full_costs[0]
        saving = round(all_in_full.time(FULL_BATCH) / time, 2)
        full_from, reason = self._first_in_full(steps)
        operations_saving = round(all_in_full.operations / max(1.0, cost.operations), 2)
        record = PlanRecord("windows", reason, full_from, saving, operations_saving)
        kept = sum(prod(step.output.shape) for step in steps if step.output is not None)
        return WindowPlan(record, self.image, steps, frontier, edges, time, kept)

    def _first_in_full(self, steps: Sequence[Step]) -> tuple[str | None, str]:
        """The path of the first layer behind the steps that is computed in full, and why it is."""
        numbers = {step.number for step in steps}
        behind = (number for number in self._calls if number not in numbers and number > steps[-1].number)
        first = next(behind, None)
        if first is None:
            return None, ""
        return self._calls[first].path, self.reasons.get(first, "full maps are cheaper from there on")

    @functools.cached_property
    def _calls(self) -> dict[int, LayerCall]:
        """The calls of the model, by number."""
        return leaf_calls(self.forward)

    @functools.cached_property
    def _last_readers(self) -> dict[str, int]:
        """By the name of a map, the number of the last step that reads it; behind all calls where the output does."""
        last = {name: step.number for step in self.steps for name in step.input_names}
        names = {self.image.tensor.name, *(step.name for step in self.steps)}
        return last | dict.fromkeys(read_by_output(self.forward, names), len(self.forward.calls))

    @functools.cached_property
    def _window_costs(self) -> list[Cost]:
        """Of all steps up to each one, in windows."""
        return list(itertools.accumulate(map(window_cost, self.steps)))

    @functools.cached_property
    def _full_costs(self) -> list[Cost]:
        """Of the steps from each one on, in full, and of the calls that are no steps; the last one without any step."""
        costs = {number: full_cost(call) for number, call in self._calls.items()}
        in_steps = {step.number for step in self.steps}
        others = sum((cost for number, cost in costs.items() if number not in in_steps), Cost())
        backwards = itertools.accumulate((costs[step.number] for step in reversed(self.steps)), initial=others)
        return list(backwards)[::-1]


def _edges(image: ChangedMap, steps: Sequence[Step], live: float) -> tuple[int, ...]:
    """Cut the positions into even batches that fit into memory, and that share the rows that a step reads whole."""
    rows, columns = len(image.rows.first), len(image.columns.first)
    starts = [step.inputs[0].rows.window.start for step in steps if isinstance(step, SumStep) and step.rule.reads_whole_rows]
    breaks = [row for row in range(1, rows) if any(start[row] != start[row - 1] for start in starts)]
    most = max(1, int(LIVE / live))
    edges = [0]
    for start, stop in itertools.pairwise([0, *breaks, rows]):
        count = (stop - start) * columns
        pieces = -(-count // most)
        edges += [start * columns + count * piece // pieces for piece in range(1, pieces + 1)]
    return tuple(edges)
