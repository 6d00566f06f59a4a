"""Receptive fields: how a stretch of changed pixels grows from layer to layer.

How a convolution or a pooling reads its input is told by four numbers along each axis: how many inputs its kernel reads, its
stride, its dilation, and how many zeros stand before the first pixel. Output o reads the inputs

    o * stride - before,  ... + dilation,  ... + 2 * dilation,  up to  o * stride - before + extent - 1

where extent = (kernel - 1) * dilation + 1. Read backwards, it says which outputs a changed stretch of inputs can change. Rows
and columns never mix, so each axis is computed by itself. All positions of the patch are known beforehand: this is NumPy, done
while the graph is traced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Window:
    """A stretch of one axis, of the same size at every position of the patch, so that positions can be computed side by side.

    It may begin before the first pixel, or end behind the last: padding stands there.

    Attributes:
        start: (positions,), the first pixel.
        size: number of pixels.
    """

    start: np.ndarray
    size: int

    @property
    def pixels(self) -> np.ndarray:
        """Every pixel of the window at each position, (positions, size)."""
        return self.start[:, None] + np.arange(self.size)

    def equals(self, other: Window) -> bool:
        """Whether two windows are the same pixels at every position."""
        return self.size == other.size and np.array_equal(self.start, other.start)


@dataclass(frozen=True, eq=False)
class Span:
    """The changed stretch first <= pixel < stop of one axis, for each position of the patch along it.

    Attributes:
        first: (positions,), the first changed pixel.
        stop: (positions,), the pixel behind the last changed one; `first` where nothing has changed.
        length: number of pixels of the axis.
    """

    first: np.ndarray
    stop: np.ndarray
    length: int

    @cached_property
    def window(self) -> Window:
        """The window that is computed: it covers the changed stretch, and never leaves the axis."""
        size = max(1, int((self.stop - self.first).max()))
        return Window(np.clip(self.first, 0, self.length - size), size)

    @property
    def whole_axis(self) -> Window:
        """The whole axis, at every position."""
        return Window(np.zeros_like(self.first), self.length)


@dataclass(frozen=True)
class Reach:
    """Which inputs one output reads along an axis.

    Attributes:
        kernel: number of inputs.
        stride: from one output to the next.
        dilation: from one of its inputs to the next.
        before: zeros that stand before the first pixel; a negative number crops.
        length: number of outputs.
    """

    kernel: int
    stride: int
    dilation: int
    before: int
    length: int

    @property
    def extent(self) -> int:
        """From the first input that an output reads to the last, both included."""
        return (self.kernel - 1) * self.dilation + 1

    def changed_outputs(self, span: Span) -> Span:
        """The outputs that read at least one changed input."""
        first = -((self.extent - 1 - self.before - span.first) // self.stride)  # rounded up
        stop = (span.stop - 1 + self.before) // self.stride + 1
        first = np.clip(first, 0, self.length)
        return Span(first, np.clip(stop, first, self.length), self.length)

    def inputs_read(self, outputs: Window) -> Window:
        """The inputs that a window of outputs reads, padding included."""
        return Window(outputs.start * self.stride - self.before, (outputs.size - 1) * self.stride + self.extent)

    def real_inputs(self, outputs: Window, length: int) -> np.ndarray:
        """How many inputs of each output are pixels of an axis of this length, not padding: (positions, size)."""
        inputs = outputs.pixels[..., None] * self.stride - self.before + np.arange(self.kernel) * self.dilation
        return ((inputs >= 0) & (inputs < length)).sum(axis=-1)  # (positions, size, kernel) -> (positions, size)


def hidden_span(starts: Sequence[int] | np.ndarray, patch: int, length: int) -> Span:
    """The pixels of an axis that a patch hides, cut at the border."""
    first = np.asarray(starts)
    return Span(first, np.minimum(first + patch, length), length)


def union(spans: Sequence[Span]) -> Span:
    """The shortest stretch that covers every one of the spans: what merging branches has changed."""
    first = np.minimum.reduce([span.first for span in spans])
    return Span(first, np.maximum.reduce([span.stop for span in spans]), spans[0].length)


def reach_of_kernel(length: int, kernel: int, stride: int, dilation: int, *, same: bool) -> Reach:
    """The reach of a convolution or pooling over an axis of this length, padded as TensorFlow pads it."""
    extent = (kernel - 1) * dilation + 1
    if not same:
        return Reach(kernel, stride, dilation, 0, (length - extent) // stride + 1)
    outputs = -(-length // stride)
    return Reach(kernel, stride, dilation, max(0, (outputs - 1) * stride + extent - length) // 2, outputs)
