"""Objectives: what an input is to make large, as data that adds and subtracts.

An objective is a weighed sum of answers of the model. Each maker below reads one; `+`, `-` and a factor make others of them,
as they do of functions: `score(3) - 0.5 * score(5)` of an input is its score 3 minus half its score 5. After the objectives of
Lucid (Olah, Mordvintsev & Schubert 2017, Feature Visualization, doi:10.23915/distill.00007).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from visualize import targets
from visualize.errors import InputError


@dataclass(frozen=True)
class Source:
    """Where in a model answers are read, a row of them for each image.

    Attributes:
        kind: "scores" of the model; "units" of a layer, for those of a map its mean or one place of it; "squares", the mean
            square of a whole layer; "function" of the scores.
        layer: path of the layer.
        place: where on the map.
        function: of the scores.
    """

    kind: Literal["scores", "units", "squares", "function"]
    layer: str | None = None
    place: tuple[int, ...] | None = None
    function: Callable | None = None


@dataclass(frozen=True)
class Term:
    """An answer and its weight; `of` is its number, its name, or a weight for each answer of the source."""

    source: Source
    of: int | str | tuple[float, ...] = 0
    weight: float = 1.0


@dataclass(frozen=True)
class Objective:
    """A weighed sum of answers."""

    terms: tuple[Term, ...]

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms) if isinstance(other, Objective) else NotImplemented

    def __radd__(self, other: int) -> Objective:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() begins with 0

    def __mul__(self, factor: float) -> Objective:
        if isinstance(factor, Objective) or not np.isscalar(factor):
            return NotImplemented
        if not math.isfinite(factor) or factor == 0:
            raise InputError(f"An objective must be multiplied by a finite number other than 0. Received: {factor}.")
        return Objective(tuple(replace(term, weight=float(factor) * term.weight) for term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1.0 * self

    def __sub__(self, other: Objective) -> Objective:
        return self + -other if isinstance(other, Objective) else NotImplemented

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where it reads, each once; objectives of the same sources can climb in one graph."""
        return tuple(dict.fromkeys(term.source for term in self.terms))

    def found(self, path_of: Callable[[str], str]) -> Objective:
        """The same with each layer called by what `path_of` makes of its name."""
        paths = {one.layer: one.layer and path_of(one.layer) for one in self.sources}
        return Objective(
            tuple(replace(term, source=replace(term.source, layer=paths[term.source.layer])) for term in self.terms)
        )

    def weights(self, sources: Sequence[Source], counts: Sequence[int], names: Sequence[str]) -> list[np.ndarray]:
        """The weight of each answer of each source, (count,) float32; 0 for what the objective does not read.

        Args:
            sources: its own, and others.
            counts: how many answers each has.
            names: of the classes.

        Raises:
            InputError: there is no such answer, a direction has another length, or all weights are 0.
        """
        found = {source: np.zeros(count, "float32") for source, count in zip(sources, counts, strict=True)}
        for term in self.terms:
            found[term.source] += np.float32(term.weight) * _row(term, len(found[term.source]), names)
        if not any(row.any() for row in found.values()):
            raise InputError("An objective must not cancel out. Received: one whose weights are all 0.")
        return list(found.values())

    def index_in(self, source: Source, weights: np.ndarray) -> int | None:
        """The number of the answer that it is, where it is one answer of a source and nothing else."""
        single = self.sources == (source,) and np.count_nonzero(weights) == 1 and weights.max() == 1
        return int(weights.argmax()) if single else None

    def text(self, names: Sequence[str]) -> str:
        """What it is, in words: `conv 3 - 0.5 * conv 5`.

        Args:
            names: of the classes.
        """
        parts = ""
        for term in self.terms:
            sign = (" - " if parts else "-") if term.weight < 0 else (" + " if parts else "")
            factor = "" if abs(term.weight) == 1 else f"{abs(term.weight):g} * "
            parts += sign + factor + _words(term, names)
        return parts


def score(target: int | str) -> Objective:
    """The score of a class: its logit where the model ends in a softmax or sigmoid.

    Args:
        target: number or name of the class.

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.

    Raises:
        InputError: `target` is neither a number nor a name.
    """
    return Objective((Term(Source("scores"), _number_or_name(target)),))


def unit(layer: str, index: int, *, place: Sequence[int] | None = None) -> Objective:
    """The activation of a unit of a layer.

    Args:
        layer: path of the layer.
        index: of the unit; that of a map is a channel.
        place: (row, column) of the one neuron of a map that is meant; by default the mean of the map is.

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.

    Raises:
        InputError: `index` is neither a number nor a text.
    """
    return Objective((Term(Source("units", layer, _place(place)), _number_or_name(index)),))


def direction(layer: str, vector: Sequence[float], *, place: Sequence[int] | None = None) -> Objective:
    """The activations of a layer along a vector over its units: their dot product. One that is 1 for one unit is that unit.

    Args:
        layer: path of the layer.
        vector: (units,), a weight for each unit or channel.
        place: (row, column) of the neurons of a map that are meant; by default the mean of each map is.

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.

    Raises:
        InputError: `vector` is no row of finite numbers, or all 0.
    """
    row = np.asarray(vector, "float64")
    if row.ndim != 1 or not np.isfinite(row).all() or not row.any():
        raise InputError(f"`vector` must be a row of finite numbers, not all 0. Received: {vector!r}.")
    return Objective((Term(Source("units", layer, _place(place)), tuple(row.tolist())),))


def layer(path: str) -> Objective:
    """All that a layer says: the mean of its squared activations, as DeepDream has it (Mordvintsev, Olah & Tyka 2015).

    Args:
        path: of the layer.

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.
    """
    return Objective((Term(Source("squares", path)),))


def of_scores(function: Callable) -> Objective:
    """What a function makes of the scores.

    Args:
        function: of the scores, (batch, classes); it returns one number for each image, (batch,).

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.
    """
    return Objective((Term(Source("function", function=function)),))


def number_of(sources: Sequence[Source], weights: Sequence[np.ndarray]) -> int:
    """A number for the noise that a climb begins with: the index of a class or unit, a checksum of any other objective."""
    read = [
        (source.kind, source.layer, source.place, {int(at): float(row[at]) for at in row.nonzero()[0]})
        for source, row in zip(sources, weights, strict=True)
        if row.any()
    ]
    _, _, place, row = read[0]
    if len(read) == 1 and place is None and list(row.values()) == [1.0]:
        return next(iter(row))
    return zlib.crc32(repr(sorted(read, key=repr)).encode())


def _row(term: Term, count: int, names: Sequence[str]) -> np.ndarray:
    if isinstance(term.of, tuple):
        if len(term.of) != count:
            where = repr(term.source.layer)
            raise InputError(
                f"`vector` must have a number for each of the {count} units of {where}. Received: {len(term.of)}."
            )
        return np.array(term.of, "float32")
    (index,) = targets.class_indices([term.of], 1, count, names if term.source.kind == "scores" else ())
    return np.eye(count, dtype="float32")[index]


def _words(term: Term, names: Sequence[str]) -> str:
    source, of = term.source, term.of
    if source.kind == "function":
        return name_of_function(source.function)
    if source.kind == "scores":
        name = of if isinstance(of, str) else targets.class_name(of, names)
        return f"score {name}" if name.isdecimal() else name
    at = "" if source.place is None else f" at {', '.join(map(str, source.place))}"
    if source.kind == "squares":
        return f"all of {source.layer}"
    return f"a direction in {source.layer}{at}" if isinstance(of, tuple) else f"{source.layer} {of}{at}"


def name_of_function(function: Callable) -> str:
    """What to call a function, or an object that is called as one."""
    return getattr(function, "__name__", type(function).__name__)


def _number_or_name(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | np.integer | str):
        raise InputError(f"`target` must be the number or name of a class, or the number of a unit. Received: {value!r}.")
    return value if isinstance(value, str) else int(value)


def _place(place: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if place is None else tuple(int(one) for one in place)
