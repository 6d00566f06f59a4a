"""Objectives: what an input is to make large, as data that adds and subtracts.

An objective is a weighted sum of values that a model computes. Each function below reads one kind of them; `+`, `-` and a
factor combine objectives as they combine functions: `score(3) - 0.5 * score(5)` of an input is its score 3 minus half its
score 5. After the objectives of Lucid (Olah, Mordvintsev & Schubert 2017, Feature Visualization, doi:10.23915/distill.00007).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from visualize import targets
from visualize._utils.validation import renamed_keywords
from visualize.errors import InputError
from visualize.models.layers import find_layer


@dataclass(frozen=True)
class Source:
    """Where in a model objectives read, one row of values for each image.

    Attributes:
        kind: "scores" of the model; "units" of a layer, for feature maps their mean or one position of them; "squares", the
            mean square of a whole layer; "function" of the scores.
        layer: path of the layer.
        position: on the feature map.
        function: of the scores.
    """

    kind: Literal["scores", "units", "squares", "function"]
    layer: str | None = None
    position: tuple[int, ...] | None = None
    function: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Term:
    """A value of a source and its weight in an objective.

    Attributes:
        source: where it is read.
        selection: the index or name of the value, or a weight for each value of the source.
        weight: its factor.
    """

    source: Source
    selection: int | str | tuple[float, ...] = 0
    weight: float = 1.0


@dataclass(frozen=True)
class Objective:
    """A weighted sum of values that a model computes."""

    terms: tuple[Term, ...]

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms) if isinstance(other, Objective) else NotImplemented

    def __radd__(self, other: int) -> Objective:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() begins with 0

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, numbers.Real):
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
        """Where it reads, each once; objectives of the same sources can share a graph."""
        return tuple(dict.fromkeys(term.source for term in self.terms))

    def with_full_paths(self, paths: Sequence[str]) -> Objective:
        """The same objective with the full path of each layer.

        Args:
            paths: of the layers of the model.

        Raises:
            InputError: a layer is not of the model, or its name fits several.
        """
        full = {source.layer: source.layer and find_layer(source.layer, paths) for source in self.sources}
        terms = (replace(term, source=replace(term.source, layer=full[term.source.layer])) for term in self.terms)
        return Objective(tuple(terms))

    def weights(self, sources: Sequence[Source], counts: Sequence[int], names: Sequence[str]) -> list[np.ndarray]:
        """The weight of each value of each source, (count,) float32; 0 for what the objective does not read.

        Args:
            sources: its own, and others.
            counts: how many values each has.
            names: of the classes.

        Raises:
            InputError: there is no such value, a direction has another length, or all weights are 0.
        """
        rows = {source: np.zeros(count, "float32") for source, count in zip(sources, counts, strict=True)}
        for term in self.terms:
            rows[term.source] += np.float32(term.weight) * _selected(term, len(rows[term.source]), names)
        if not any(row.any() for row in rows.values()):
            raise InputError("An objective must not cancel out. Received: one whose weights are all 0.")
        return list(rows.values())

    def text(self, names: Sequence[str]) -> str:
        """What it is, in words: `conv 3 - 0.5 * conv 5`.

        Args:
            names: of the classes.
        """
        text = ""
        for term in self.terms:
            sign = (" - " if text else "-") if term.weight < 0 else (" + " if text else "")
            factor = "" if abs(term.weight) == 1 else f"{abs(term.weight):g} * "
            text += sign + factor + _term_text(term, names)
        return text


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


@renamed_keywords(place="position")
def unit(layer: str, index: int, *, position: Sequence[int] | None = None) -> Objective:
    """The activation of a unit of a layer.

    Args:
        layer: path of the layer.
        index: of the unit; that of a feature map is a channel.
        position: (row, column) of a single neuron of the feature map; by default the mean of the map is meant.

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.

    Raises:
        InputError: `index` is neither a number nor a text.
    """
    return Objective((Term(Source("units", layer, _position(position)), _number_or_name(index)),))


@renamed_keywords(place="position")
def direction(layer: str, vector: Sequence[float], *, position: Sequence[int] | None = None) -> Objective:
    """The activations of a layer along a vector over its units: their dot product. One that is 1 for one unit is that unit.

    Args:
        layer: path of the layer.
        vector: (units,), a weight for each unit or channel.
        position: (row, column) of the neurons of the feature maps; by default the mean of each map is meant.

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.

    Raises:
        InputError: `vector` is no row of finite numbers, or all 0.
    """
    row = np.asarray(vector, "float64")
    if row.ndim != 1 or not np.isfinite(row).all() or not row.any():
        raise InputError(f"`vector` must be a row of finite numbers, not all 0. Received: {vector!r}.")
    return Objective((Term(Source("units", layer, _position(position)), tuple(row.tolist())),))


def layer(path: str) -> Objective:
    """The activity of a whole layer: the mean of its squared activations, as in DeepDream (Mordvintsev, Olah & Tyka 2015).

    Args:
        path: of the layer.

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.
    """
    return Objective((Term(Source("squares", path)),))


def of_scores(function: Callable[..., Any]) -> Objective:
    """A function of the scores.

    Args:
        function: of the scores, (batch, classes); it returns one number for each image, (batch,).

    Returns:
        Objective, which is added, subtracted and multiplied as a number is.
    """
    return Objective((Term(Source("function", function=function)),))


def name_of_function(function: Callable[..., Any]) -> str:
    """The name of a function, or of the class of a callable object."""
    return getattr(function, "__name__", type(function).__name__)


def _selected(term: Term, count: int, names: Sequence[str]) -> np.ndarray:
    """The weight of each value of the source of a term, (count,) float32, before its factor."""
    if isinstance(term.selection, tuple):
        if len(term.selection) != count:
            raise InputError(
                f"`vector` must have a number for each of the {count} units of {term.source.layer!r}. "
                f"Received: {len(term.selection)}."
            )
        return np.array(term.selection, "float32")
    (index,) = targets.class_indices([term.selection], 1, count, names if term.source.kind == "scores" else ())
    return np.eye(count, dtype="float32")[index]


def _term_text(term: Term, names: Sequence[str]) -> str:
    source, selection = term.source, term.selection
    if source.function is not None:
        return name_of_function(source.function)
    if source.kind == "squares":
        return f"all of {source.layer}"
    position = "" if source.position is None else f" at {', '.join(map(str, source.position))}"
    if isinstance(selection, tuple):
        return f"a direction in {source.layer}{position}"
    if source.kind == "units":
        return f"{source.layer} {selection}{position}"
    name = selection if isinstance(selection, str) else targets.class_name(selection, names)
    return f"score {name}" if name.isdecimal() else name


def _number_or_name(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | np.integer | str):
        raise InputError(f"`target` must be the number or name of a class, or the number of a unit. Received: {value!r}.")
    return value if isinstance(value, str) else int(value)


def _position(position: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if position is None else tuple(int(index) for index in position)
