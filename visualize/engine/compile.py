"""Compiled graphs: a program of a model's tensors, traced once and kept as long as the model.

A program is a frozen dataclass, and it is the key of its graph: everything that decides what the graph computes is one of its
fields. Two programs that are equal share a graph; two that differ in a field have a graph each. Its `trace` must not close
over variables, which would reach the graph past the key: `compiled` refuses that.
"""

from __future__ import annotations

import abc
import contextlib
import contextvars
import dataclasses
import itertools
import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.limits import largest_tensor
from visualize._utils.text import shortened
from visualize.engine.other_weights import stateless, weights_in_use
from visualize.errors import InputError
from visualize.models.input_structure import fixed_batch_size
from visualize.models.layers import check_model

_progress: contextvars.ContextVar[Callable[[int, int], None] | None] = contextvars.ContextVar("progress", default=None)
_tracing = threading.RLock()  # two threads must not set their hooks on one layer
_graphs: weakref.WeakKeyDictionary[keras.Model, OrderedDict[Any, CompiledGraph]] = weakref.WeakKeyDictionary()
MAX_GRAPHS = 32  # kept for one model; the one that was not used for longest goes first


@dataclass(frozen=True)
class Program(abc.ABC):
    """What a graph computes. Subclasses are frozen dataclasses whose fields are hashable."""

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        """Functions of the user's own among the fields. Such a program is traced at every call: what they read may change."""
        return ()

    @abc.abstractmethod
    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        """Build the graph: from named tensors to named tensors, and plain Python values noted on the way."""


class CompiledGraph:
    """A program, traced for one model.

    Attributes:
        notes: the plain Python values that the program noted while it was traced.
        fixed_batch_size: the number of rows that the model takes at once; None where it takes any number.
        own_variables: those that are no weights of the model, which its layers may assign to when they are called.
    """

    def __init__(
        self,
        concrete: Any,
        names: tuple[str, ...],
        notes: dict[str, Any],
        fixed_batch_size: int | None = None,
        own_variables: tuple[tf.Variable, ...] = (),
    ):
        self._concrete = concrete
        self._own_variables = own_variables
        self._most_rows = max(1, largest_tensor() // max(1, _largest_row(concrete.graph)))
        self._names = names  # an input may have a name that is no Python argument: they go by position
        self.notes = notes
        self.fixed_batch_size = fixed_batch_size

    def __call__(self, tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Run the graph. Variables stay as they are.

        Raises:
            InputError: an operation of the model refuses the numbers.
        """
        before = [(variable, variable.numpy()) for variable in self._own_variables]
        try:
            return self._concrete(*(tensors[name] for name in self._names))
        except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, tf.errors.FailedPreconditionError) as error:
            raise InputError(f"The model cannot be run on these numbers: {_reason(error)}") from error
        finally:
            for variable, value in before:
                variable.assign(value)

    def run_batches(
        self, arrays: Mapping[str, np.ndarray], *, batch_size: int, constants: Mapping[str, Any] | None = None
    ) -> dict[str, np.ndarray]:
        """Run over the first axis of `arrays`, at most `batch_size` rows at a time, and join the results.

        Args:
            arrays: the tensors that are cut into batches, by name.
            batch_size: rows at a time; fewer where their largest tensor would take too much memory.
            constants: the tensors that every batch receives whole, by name.
        """
        count, batch_size = len(next(iter(arrays.values()))), min(batch_size, self._most_rows)
        fixed = {name: tf.constant(value) for name, value in (constants or {}).items()}
        batches = []
        for start, stop in even_slices(count, min(batch_size, self.fixed_batch_size or batch_size)):
            results = self.run_batch({name: tf.constant(array[start:stop]) for name, array in arrays.items()}, fixed)
            batches.append({name: result.numpy() for name, result in results.items()})
            report_progress(stop, count)
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    def run_batch(self, rows: Mapping[str, tf.Tensor], constants: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Run on a single batch, all of whose results have a row for each of its rows.

        For a model of a fixed batch size the last row is repeated until the batch is full, and what is computed of the
        copies is cut off.

        Args:
            rows: the tensors with one row for each image, by name; at most as many rows as the model takes.
            constants: the other tensors, by name.
        """
        count = len(next(iter(rows.values())))
        if self.fixed_batch_size in (None, count):
            return self({**rows, **constants})
        repeated = tf.minimum(tf.range(self.fixed_batch_size), count - 1)
        results = self({**{name: tf.gather(tensor, repeated) for name, tensor in rows.items()}, **constants})
        return {name: result[:count] for name, result in results.items()}


def compiled(model: keras.Model, program: Program, specs: Mapping[str, tf.TensorSpec]) -> CompiledGraph:
    """A program as one compiled graph, traced at its first use and kept.

    A graph belongs to its model and goes with it, and the last few dozen of a model are kept. It is traced again when the
    activation or precision of a layer was changed.

    Args:
        model: Keras model.
        program: what to compute; also the key under which the graph is kept.
        specs: a `tf.TensorSpec` for each input tensor.

    Raises:
        InputError: `model` is not a built Keras model.
        TypeError: the program is no frozen dataclass, or its `trace` closes over variables.
    """
    check_model(model)
    check_closed(program, "trace")
    if program.user_functions:
        return _traced(model, program, specs)
    key = (program, _fingerprint(model), tuple(specs.items()))
    with _tracing:
        weights = weights_in_use(model)
        kept = _graphs.setdefault(model, OrderedDict()) if weights is None else weights.graphs
        graph = kept.pop(key, None) or _traced(model, program, specs)
        kept[key] = graph  # the last one is the one that was used last
        while len(kept) > MAX_GRAPHS:
            kept.popitem(last=False)
    return graph


def check_closed(parameters: Any, *functions: str) -> None:
    """Refuse an object whose methods can read more than its fields.

    Raises:
        TypeError: it is no frozen dataclass, or one of the methods closes over variables of an enclosing function.
    """
    kind = type(parameters)
    if not dataclasses.is_dataclass(kind) or not kind.__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue]
        raise TypeError(f"{kind.__name__} must be a frozen dataclass: its fields are the key of the compiled graph.")
    for name in functions:
        free = [variable for variable in getattr(kind, name).__code__.co_freevars if variable != "__class__"]
        if free:
            raise TypeError(
                f"{kind.__name__}.{name} must read nothing but its fields, which are the key of the compiled graph. "
                f"Received: a function that closes over {', '.join(free)}. Make it a field."
            )


def even_slices(count: int, most: int) -> list[tuple[int, int]]:
    """Cut 0..count into as few even slices of at most `most` as possible."""
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
    """Report how much of the work is done, if anything listens."""
    report = _progress.get()
    if report is not None:
        report(done, total)


def _traced(model: keras.Model, program: Program, specs: Mapping[str, tf.TensorSpec]) -> CompiledGraph:
    notes: dict[str, Any] = {}
    held = [model]  # taken out when traced: a graph that is kept must not keep its model alive

    def traced(*tensors):
        with stateless() if weights_in_use(held[0]) is not None else contextlib.nullcontext():
            results, noted = program.trace(held[0], dict(zip(specs, tensors, strict=True)))
        notes.update(noted)
        return results

    try:
        with _tracing:
            concrete = tf.function(traced, autograph=False).get_concrete_function(*specs.values())
    finally:
        held.clear()
    weights = {id(variable.value) for variable in model.variables}
    own = tuple(variable for variable in concrete.graph.variables if id(variable) not in weights)
    return CompiledGraph(concrete, tuple(specs), notes, fixed_batch_size(model), own)


def _reason(error: tf.errors.OpError) -> str:
    """What an operation says that refuses its numbers, without where in the code of Keras it was built."""
    said = error.message.partition("[[{{node")[0].strip().splitlines()
    return shortened(said[-1].strip() if said else type(error).__name__)


def _largest_row(graph: tf.Graph) -> int:
    """Bytes of one image's part of the largest tensor of a graph."""
    tensors = [tensor for operation in graph.get_operations() for tensor in operation.outputs if tensor.shape.rank]
    return max((math.prod(length or 1 for length in tensor.shape[1:]) * tensor.dtype.size for tensor in tensors), default=0)


def _fingerprint(model: keras.Model) -> tuple:
    """What may be changed on a model between two calls so that its old graph would be wrong."""
    return tuple(
        (id(layer), id(getattr(layer, "activation", None)), getattr(layer.dtype_policy, "name", None))
        for layer in model._flatten_layers()
    )
