"""Costs: how long a layer takes, estimated beforehand, in multiply-adds of a convolution.

Not all work is multiplying: a pooling or an addition costs what it reads and writes, and so do cutting windows out of maps and
pasting them into maps. The rates were measured on two CPU cores (python -m benchmarks.windows shows how well they predict).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from visualize.attribution.incremental.layer_rules import End, Flat
from visualize.attribution.incremental.walk import Changed, Step

MOVE = 20.0  # multiply-adds in the time in which a layer reads or writes one number
CUT = 40.0  # ... in which one number is looked up in a map and copied
CALL = 400_000.0  # ... in which TensorFlow starts one operation


@dataclass(frozen=True)
class Cost:
    """Of computing something for one copy of an image.

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
        """Of one copy where `copies` are computed side by side."""
        return self.operations + MOVE * self.moved + CUT * self.cut + CALL * self.calls / copies


def in_full(call: Any) -> Cost:
    """Of a call of a layer on whole maps."""
    read = sum(prod(_sizes(tensor)) for tensor in call.inputs)
    written = [_sizes(tensor) for tensor in call.outputs]
    positions = max(prod(sizes[:-1]) for sizes in written)
    return _of_layer(call.layer, positions, read, sum(map(prod, written)))


def in_windows(step: Step) -> Cost:
    """Of a step, what it cuts included."""
    if isinstance(step.rule, Flat):
        return Cost()
    if isinstance(step.rule, End):
        return _of_end(step)
    cost, read = Cost(), 0
    for one in step.inputs:
        window = one.rows.size * one.columns.size * one.shape[-1]
        if not step.fits(one):
            table, window = window, prod(size for _, size in step.regions()) * one.shape[-1]
            cost += _of_cut(table + window)
        read += window
    pixels = step.output.rows.size * step.output.columns.size
    return cost + _of_layer(step.call.layer, pixels, read, pixels * step.output.shape[-1])


def of_pasting(one: Changed) -> Cost:
    """Of a whole map made of an unhidden one and a window."""
    return _of_cut(prod(one.shape) + one.rows.size * one.columns.size * one.shape[-1])


def _of_end(step: Step) -> Cost:
    (one,) = step.inputs
    columns = one.shape[1] if step.rule.across else one.columns.size
    numbers = one.rows.size * columns * one.shape[-1]
    units = step.call.outputs[0].shape[-1] if step.rule.across else 0
    return _of_cut(numbers) + Cost(operations=numbers * units, moved=2 * numbers, calls=24)


def _of_layer(layer: Any, positions: int, read: int, written: int) -> Cost:
    weights = sum(prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)
    return Cost(operations=weights * positions, moved=read + written, calls=2, live=read + written)


def _of_cut(numbers: float) -> Cost:
    return Cost(cut=numbers, calls=16, live=numbers)


def _sizes(tensor: Any) -> tuple[int, ...]:
    """The shape of one image's part of a tensor, 1 for what is not known."""
    return tuple(size or 1 for size in tensor.shape[1:]) if tensor.shape.rank else (1,)
