"""Spans: how a stretch of changed pixels grows from layer to layer.

Everything a convolution or a pooling does to places is told by four numbers along each axis: how far its kernel reaches, its
stride, its dilation, and how many zeros stand before the first pixel. Output o reads the inputs

    o * stride - before,  ... + dilation,  ... + 2 * dilation,  up to  o * stride - before + reach - 1

where reach = (kernel - 1) * dilation + 1. Read backwards, it says which outputs a changed stretch of inputs can change. Rows
and columns never mix, so one axis at a time is all there is to it. Plain NumPy: all places of the patch are known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Span:
    """The changed stretch first <= pixel < stop of one axis, for each place of the patch along it.

    Attributes:
        first: (places,), the first changed pixel.
        stop: (places,), the pixel behind the last changed one; `first` where nothing has changed.
        length: of the axis.
    """

    first: np.ndarray
    stop: np.ndarray
    length: int

    @cached_property
    def size(self) -> int:
        """Of the window that is computed: the same at every place, so that places can be computed side by side."""
        return max(1, int((self.stop - self.first).max()))

    @cached_property
    def start(self) -> np.ndarray:
        """Where the window begins, (places,). It covers the changed stretch and never leaves the axis."""
        return np.clip(self.first, 0, self.length - self.size)


@dataclass(frozen=True)
class Reach:
    """Which inputs one output reads along an axis.

    Attributes:
        kernel: how many.
        stride: from one output to the next.
        dilation: from one of its inputs to the next.
        before: zeros that stand before the first pixel; a negative number crops.
        length: how many outputs there are.
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

    def changed(self, span: Span) -> Span:
        """The outputs that read at least one changed input."""
        first = -((self.extent - 1 - self.before - span.first) // self.stride)  # rounded up
        stop = (span.stop - 1 + self.before) // self.stride + 1
        first = np.clip(first, 0, self.length)
        return Span(first, np.clip(stop, first, self.length), self.length)

    def read(self, span: Span) -> tuple[np.ndarray, int]:
        """The inputs that the window of a span of outputs reads: where they begin, (places,), and how many there are.

        They may begin before the first pixel, or end behind the last: there stands padding.
        """
        return span.start * self.stride - self.before, (span.size - 1) * self.stride + self.extent

    def real(self, span: Span, length: int) -> np.ndarray:
        """How many of the inputs of each output in the window are pixels, not padding: (places, size)."""
        outputs = span.start[:, None] + np.arange(span.size)
        inputs = outputs[..., None] * self.stride - self.before + np.arange(self.kernel) * self.dilation
        return ((inputs >= 0) & (inputs < length)).sum(axis=-1)


def hidden(starts: np.ndarray, patch: int, length: int) -> Span:
    """The pixels of an axis that a patch hides, cut at the border."""
    starts = np.asarray(starts)
    return Span(starts, np.minimum(starts + patch, length), length)


def union(spans: list[Span]) -> Span:
    """The shortest stretch that covers several: what merging branches has changed."""
    first = np.minimum.reduce([span.first for span in spans])
    return Span(first, np.maximum.reduce([span.stop for span in spans]), spans[0].length)


def window_reach(length: int, kernel: int, stride: int, dilation: int, *, same: bool) -> Reach:
    """The reach of a convolution or pooling over an axis, padded as TensorFlow pads it."""
    extent = (kernel - 1) * dilation + 1
    if not same:
        return Reach(kernel, stride, dilation, 0, (length - extent) // stride + 1)
    outputs = -(-length // stride)
    return Reach(kernel, stride, dilation, max(0, (outputs - 1) * stride + extent - length) // 2, outputs)
