"""Costs: how long a layer takes, estimated beforehand, in multiply-adds of a convolution.

Not all work is multiplying: a pooling or an addition costs what it reads and writes, and so do cutting windows out of maps and
pasting them into maps. The rates were measured on two CPU cores (python -m benchmarks.windows shows how well they predict).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from visualize._utils.lazy import keras, tf
from visualize.attribution.incremental.walk import ChangedMap, Step, SumStep, WindowStep
from visualize.engine.forward import LayerCall

MOVE = 20.0  # multiply-adds in the time in which a layer reads or writes one number
CUT = 40.0  # ... in which one number is looked up in a map and copied
CALL = 400_000.0  # ... in which TensorFlow starts one operation

SUM_CALLS = 24  # operations that a sum step starts
LAYER_CALLS = 2  # ... that a layer starts
CUT_CALLS = 16  # ... that cutting a window starts


@dataclass(frozen=True)
class Cost:
    """The cost of computing something for one copy of an image.

    Attributes:
        operations: multiply-adds.
        moved: numbers that layers read and write.
        cut: numbers that are looked up and copied.
        calls: operations that TensorFlow starts for each batch of copies.
        live: numbers that stand in memory at once.
    """

    operations: float = 0.0
    moved: float = 0.0
    cut: float = 0.0
    calls: int = 0
    live: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.operations + other.operations,
            self.moved + other.moved,
            self.cut + other.cut,
            self.calls + other.calls,
            max(self.live, other.live),
        )

    def time(self, copies: float) -> float:
        """The time for one copy where `copies` are computed side by side, in multiply-adds."""
        return self.operations + MOVE * self.moved + CUT * self.cut + CALL * self.calls / copies


def full_cost(call: LayerCall) -> Cost:
    """The cost of a call of a layer on whole maps."""
    numbers_read = sum(prod(_sizes(tensor)) for tensor in call.inputs)
    written = [_sizes(tensor) for tensor in call.outputs]
    positions = max(prod(sizes[:-1]) for sizes in written)
    return _layer_cost(call.layer, positions, numbers_read, sum(map(prod, written)))


def window_cost(step: Step) -> Cost:
    """The cost of a step in windows, with the windows that are cut for it."""
    if isinstance(step, SumStep):
        return _sum_cost(step)
    if not isinstance(step, WindowStep):
        return Cost()  # a flat map is the map itself
    cost, numbers_read = Cost(), 0
    for changed in step.inputs:
        numbers = _window_numbers(changed)
        if not step.reads_just(changed):
            table, numbers = numbers, prod(window.size for window in step.region_read) * changed.shape[-1]
            cost += _cut_cost(table + numbers)
        numbers_read += numbers
    pixels = prod(window.size for window in step.output.window)
    return cost + _layer_cost(step.call.layer, pixels, numbers_read, pixels * step.output.shape[-1])


def pasting_cost(changed: ChangedMap) -> Cost:
    """The cost of a whole map, made of the unhidden one and a window."""
    return _cut_cost(prod(changed.shape) + _window_numbers(changed))


def _sum_cost(step: SumStep) -> Cost:
    (changed,) = step.inputs
    rows, columns = changed.window
    whole_rows = step.rule.reads_whole_rows
    numbers = rows.size * (changed.shape[1] if whole_rows else columns.size) * changed.shape[-1]
    units = step.call.outputs[0].shape[-1] or 0 if whole_rows else 0
    return _cut_cost(numbers) + Cost(operations=numbers * units, moved=2 * numbers, calls=SUM_CALLS)


def _layer_cost(layer: keras.Layer, positions: int, numbers_read: int, numbers_written: int) -> Cost:
    weights = sum(prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)
    moved = numbers_read + numbers_written
    return Cost(operations=weights * positions, moved=moved, calls=LAYER_CALLS, live=moved)


def _cut_cost(numbers: float) -> Cost:
    return Cost(cut=numbers, calls=CUT_CALLS, live=numbers)


def _window_numbers(changed: ChangedMap) -> int:
    return prod(window.size for window in changed.window) * changed.shape[-1]


def _sizes(tensor: tf.Tensor) -> tuple[int, ...]:
    """The shape of one image's part of a tensor, with 1 for sizes that are not known."""
    return tuple(size or 1 for size in tensor.shape[1:]) if tensor.shape.rank else (1,)
