"""Taps: note what each layer makes while a model is called."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from visualize._utils.lazy import keras, tf
from visualize.models import layers as models


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one layer, as tensors of the graph being traced."""

    path: str
    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    training: bool = False  # the model itself asked for training, as for dropout that is to stay on


@contextlib.contextmanager
def watched(
    model: Any, graph: Any, calls: list[Call], instead: tuple[str, Any] | None, known: Mapping[tuple[int, str], Any]
) -> Iterator[None]:
    """Set on each layer a `call` that also notes what it returned; take it off again, whatever happens.

    Args:
        model: Keras model.
        graph: being traced.
        calls: where to note them.
        instead: (path, tensor), what a layer is to hand on instead of what it makes.
        known: (number, path) -> tensor, what a call is known to make.
    """
    tapped = []
    try:
        for path, layer in models.layers(model).items():
            for name in ("call", "quantized_call") if getattr(layer, "quantization_mode", None) else ("call",):
                tapped.append((layer, name, vars(layer).get(name)))
                vars(layer)[name] = _noting(path, layer, getattr(layer, name), graph, calls, instead, known)
        yield
    finally:
        for layer, name, own in reversed(tapped):
            if own is None:
                del vars(layer)[name]
            else:
                vars(layer)[name] = own


@contextlib.contextmanager
def inlined() -> Iterator[None]:
    """A model's own `@tf.function`s run as plain Python while we trace, so that their operations land on our graph."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _noting(
    path: str,
    layer: Any,
    original: Callable,
    graph: Any,
    calls: list[Call],
    instead: tuple[str, Any] | None,
    known: Mapping[tuple[int, str], Any],
) -> Callable:
    @functools.wraps(original)
    def call(*args, **kwargs):
        outputs = original(*args, **kwargs)
        if instead is not None and instead[0] == path:
            outputs = tf.cast(instead[1], outputs.dtype)
        elif (len(calls), path) in known:
            outputs = tf.cast(known[len(calls), path], outputs.dtype)
        inputs = tuple(value for value in keras.tree.flatten((args, kwargs)) if tf.is_tensor(value))
        tensors = tuple(value for value in keras.tree.flatten(outputs) if tf.is_tensor(value))
        if tensors and all(tensor.graph is graph for tensor in tensors):  # not inside a loop or branch of its own graph
            calls.append(Call(path, layer, inputs, tensors, bool(kwargs.get("training"))))
        return outputs

    return call
