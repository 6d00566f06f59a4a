"""Tracing: a function of a model's tensors, compiled once and kept as long as the model."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize.models import layers as models

_progress: contextvars.ContextVar[Callable[[int, int], None] | None] = contextvars.ContextVar("progress", default=None)
_savings: contextvars.ContextVar[Callable[[float, float], None] | None] = contextvars.ContextVar("savings", default=None)
_tracing = threading.RLock()  # two threads must not set their taps on one layer
_traces: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # model -> {key: Trace}


class Trace:
    """A function of tensors, traced once for one model.

    Attributes:
        notes: what the function noted while it was traced: plain Python values.
    """

    def __init__(self, concrete: Any, names: tuple[str, ...], notes: dict[str, Any]):
        self._concrete = concrete
        self._names = names  # an input may have a name that is none of a Python argument: they go by position
        self.notes = notes

    def __call__(self, **tensors: Any) -> dict[str, Any]:
        """Run the graph; tensors in, tensors out."""
        return self._concrete(*(tensors[name] for name in self._names))

    def batches(self, arrays: Mapping[str, np.ndarray], *, batch_size: int, **constants: Any) -> dict[str, np.ndarray]:
        """Run over the first axis of `arrays`, `batch_size` rows at most at a time, and join what comes out."""
        count = len(next(iter(arrays.values())))
        whole = {name: tf.constant(value) for name, value in constants.items()}
        pieces = []
        for start, stop in slices(count, batch_size):
            results = self(**{name: tf.constant(array[start:stop]) for name, array in arrays.items()}, **whole)
            pieces.append({name: result.numpy() for name, result in results.items()})
            report_progress(stop, count)
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def trace(model: Any, key: tuple, function: Callable[..., tuple[dict, dict]], specs: Mapping[str, Any]) -> Trace:
    """`function(model, **tensors) -> (tensors, notes)` as one compiled graph, traced at its first use and kept.

    What is kept belongs to the model and goes with it. It is traced anew when a layer's activation or precision was changed.
    A key with a function in it, a target of the user's own, is traced anew each time: what it reads may have changed.

    Args:
        model: Keras model; `function` must take it as its argument, not close over it.
        key: everything that the function's closure adds, hashable.
        function: called once, while TensorFlow traces.
        specs: a `tf.TensorSpec` for each tensor.
    """
    models.check_model(model)
    if any(callable(part) for part in key):
        return _traced(model, function, specs)
    kept = _traces.setdefault(model, {})
    key = (*key, _fingerprint(model), tuple(specs.items()))
    if key not in kept:
        kept[key] = _traced(model, function, specs)
    return kept[key]


def slices(count: int, most: int) -> list[tuple[int, int]]:
    """Cut 0..count into as few even slices of at most `most` as there can be."""
    pieces = -(-count // most)
    edges = [count * piece // pieces for piece in range(pieces + 1)]
    return list(itertools.pairwise(edges))


@contextlib.contextmanager
def progress(report: Callable[[int, int], None]) -> Iterator[None]:
    """Within this context every method calls `report(done, total)` after each batch."""
    token = _progress.set(report)
    try:
        yield
    finally:
        _progress.reset(token)


def report_progress(done: int, total: int) -> None:
    """Tell whoever listens how much of the work is done."""
    report = _progress.get()
    if report is not None:
        report(done, total)


@contextlib.contextmanager
def savings(report: Callable[[float, float], None]) -> Iterator[None]:
    """Within this context a method that took a short cut calls `report(seconds, seconds without it)`."""
    token = _savings.set(report)
    try:
        yield
    finally:
        _savings.reset(token)


def report_saving(measured: Callable[[], tuple[float, float]]) -> None:
    """Tell whoever listens what a short cut saved; it is measured for them alone."""
    report = _savings.get()
    if report is not None:
        report(*measured())


def _traced(model: Any, function: Callable[..., tuple[dict, dict]], specs: Mapping[str, Any]) -> Trace:
    notes: dict[str, Any] = {}
    held = [model]  # taken out when traced: what is kept must not keep the model alive

    def traced(*tensors):
        results, noted = function(held[0], **dict(zip(specs, tensors, strict=True)))
        notes.update(noted)
        return results

    try:
        with _tracing:
            concrete = tf.function(traced, autograph=False).get_concrete_function(*specs.values())
    finally:
        held.clear()
    return Trace(concrete, tuple(specs), notes)


def _fingerprint(model: Any) -> tuple:
    """What a person may change on a model between two calls so that its old trace would lie."""
    return tuple(
        (id(layer), id(getattr(layer, "activation", None)), getattr(layer.dtype_policy, "name", None))
        for layer in model._flatten_layers()
    )
