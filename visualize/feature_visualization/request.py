"""A request to `maximize`: which objectives are maximized, with their weights, and the inputs to start from."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize import targets
from visualize._utils.lazy import keras
from visualize._utils.validation import checked_count, received
from visualize.errors import InputError
from visualize.feature_visualization import objectives
from visualize.feature_visualization.objectives import Objective, Source
from visualize.models.card import checked_range
from visualize.models.input_range import range_of
from visualize.models.inputs import Inputs, example_inputs, input_shapes, inputs_of
from visualize.models.layers import card_of, find_layer

MOST_UNITS = 100  # that are maximized without being named
KINDS = {1: "vectors", 2: "sequences", 4: "volumes"}  # of inputs that are no pictures, by their axes


@dataclass(frozen=True)
class RequestedObjectives:
    """The objectives that a call of `maximize` describes.

    Attributes:
        default: the source that a plain number or name refers to.
        objectives: None for each unit of the default source.
    """

    default: Source
    objectives: tuple[Objective, ...] | None

    @classmethod
    def of(
        cls, target: Any, layer: str | None, whole_layer: str | None, most: int | None, paths: Sequence[str]
    ) -> RequestedObjectives:
        """The objectives that the arguments of `maximize` describe.

        Args:
            target: number, name, objective or function of the scores, or a sequence of these; None for every unit.
            layer: path of the layer whose units are meant.
            whole_layer: path of a layer to maximize as a whole.
            most: how many of the strongest units, where no target is given.
            paths: of the layers of the model.

        Raises:
            InputError: `target` is empty, a layer is not of the model, or options that exclude each other are given.
        """
        if most is not None:
            checked_count("most", most, 1)
            if target is not None or whole_layer is not None:
                other = "whole_layer" if target is None else "target"
                raise InputError(f"`most` chooses the units to maximize, and `{other}` does so, too. Received: both.")
        default = Source("scores") if layer is None else Source("units", find_layer(layer, paths))
        if whole_layer is not None:
            if target is not None or layer is not None:
                raise InputError("`whole_layer` takes the place of `target` and `layer`. Received: both.")
            return cls(default, (objectives.layer(find_layer(whole_layer, paths)),))
        if target is None:
            return cls(default, None)
        choices = _as_list(target)
        if not choices:
            raise InputError("`target` must name at least one class or unit. Received: none.")
        if layer is not None and all(isinstance(choice, Objective) or callable(choice) for choice in choices):
            raise InputError(
                f"`layer` tells whose units `target` means by a number, and objectives need none. Received: {layer!r}."
            )
        return cls(default, tuple(_objective(choice, default).with_full_paths(paths) for choice in choices))

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where the objectives read, each source once."""
        if self.objectives is None:
            return (self.default,)
        return tuple(dict.fromkeys(source for objective in self.objectives for source in objective.sources))

    def check_output(self, output: str | None) -> None:
        """Refuse the name of an output where no objective reads the scores.

        Raises:
            InputError: there is a name, and it would change nothing.
        """
        if output is not None and not any(source.kind in ("scores", "function") for source in self.sources):
            raise InputError("`output` must be left out where the units of layers are maximized. Received: both.")

    def weighted(
        self, counts: Sequence[int], class_names: Sequence[str], units: Sequence[int] | None = None
    ) -> WeightedObjectives:
        """The objectives with their weights.

        Args:
            counts: how many values each of the sources has.
            class_names: empty where nothing states them.
            units: the units of the default source to maximize where no target is given; by default all.

        Raises:
            InputError: `class_names` are not as many as classes; there are too many units to maximize each of them; or what
                `Objective.weights` raises.
        """
        if Source("scores") in self.sources:
            targets.check_class_names(class_names, counts[self.sources.index(Source("scores"))])
        chosen = self.objectives
        if chosen is None:
            if units is None and counts[0] > MOST_UNITS:
                raise InputError(
                    "`target` must name the units to maximize, or `most` say how many of the strongest: "
                    f"there are {counts[0]}. Received: None."
                )
            chosen = tuple(_objective(index, self.default) for index in (range(counts[0]) if units is None else units))
        weights = tuple(objective.weights(self.sources, counts, class_names) for objective in chosen)
        return WeightedObjectives(self.default, self.sources, chosen, weights, tuple(class_names))


@dataclass(frozen=True, eq=False)
class WeightedObjectives:
    """Objectives with their weights for the values that a model computes.

    Attributes:
        default: the source that a plain number or name refers to.
        sources: where they read.
        objectives: one for each unit of the result.
        weights: for each objective a row for each source, (count,) float32.
        class_names: empty where nothing states them.
    """

    default: Source
    sources: tuple[Source, ...]
    objectives: tuple[Objective, ...]
    weights: tuple[list[np.ndarray], ...]
    class_names: tuple[str, ...]

    @property
    def labels(self) -> list[int | str]:
        """What each maximizes: the index of a class or unit of the default source, else the objective in words."""
        indices = [self._index(objective, rows) for objective, rows in zip(self.objectives, self.weights, strict=True)]
        return [
            objective.text(self.class_names) if index is None else index
            for objective, index in zip(self.objectives, indices, strict=True)
        ]

    @property
    def noise_keys(self) -> list[int]:
        """A number for the noise that each starts from, see `noise_key`."""
        return [noise_key(self.sources, rows) for rows in self.weights]

    def weights_of_images(self, copies: int) -> dict[str, np.ndarray]:
        """`weights_0` and so on, one for each source, (objectives x copies, count): a row for each image."""
        return {
            f"weights_{number}": np.repeat(np.stack(rows), copies, axis=0)
            for number, rows in enumerate(zip(*self.weights, strict=True))
        }

    def _index(self, objective: Objective, rows: Sequence[np.ndarray]) -> int | None:
        """The index of the value that an objective is, if it is a single one of the default source."""
        if objective.sources != (self.default,):
            return None
        row = rows[self.sources.index(self.default)]
        return int(row.argmax()) if np.count_nonzero(row) == 1 and row.max() == 1 else None


@dataclass(frozen=True, eq=False)
class StartImages:
    """The inputs that an optimization starts from.

    Attributes:
        inputs: one row for each input of the model, zeros where nothing else was passed.
        picture: the optimized input, (1, height, width, channels); None to start from gray.
        input_range: lowest and highest value of a pixel.
        input_range_assumed: whether the input range is a guess.
    """

    inputs: Inputs
    picture: np.ndarray | None
    input_range: tuple[float, float]
    input_range_assumed: bool

    @classmethod
    def of(
        cls,
        model: keras.Model,
        start: Any,
        input_name: str | None,
        size: tuple[int, int] | None,
        input_range: tuple[float, float] | None,
    ) -> StartImages:
        """The inputs that the arguments of `maximize` describe.

        Raises:
            InputError: the model takes no pictures, `start` or `size` is not one picture that it takes, or `input_range` is
                not two numbers, the lower first.
        """
        assumed = input_range is None and card_of(model).input_range is None
        low_high = range_of(model)[0] if input_range is None else checked_range("`input_range`", input_range)
        inputs = _inputs(model, start, input_name, size)
        return cls(inputs, None if start is None else inputs.images, low_high, assumed)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the optimized input."""
        height, width, channels = self.inputs.images.shape[1:]
        return height, width, channels


def noise_key(sources: Sequence[Source], weights: Sequence[np.ndarray]) -> int:
    """A number for the noise that an image starts from: the index of a class or unit, a checksum of any other objective."""
    nonzero = [
        (source.kind, source.layer, source.position, {int(index): float(row[index]) for index in row.nonzero()[0]})
        for source, row in zip(sources, weights, strict=True)
        if row.any()
    ]
    _, _, position, row = nonzero[0]
    if len(nonzero) == 1 and position is None and list(row.values()) == [1.0]:
        return next(iter(row))
    return zlib.crc32(repr(sorted(nonzero, key=repr)).encode())


def _as_list(target: Any) -> list[Any]:
    """The targets as a list, from a single one or a sequence."""
    classes, function = targets.split_target(target)
    if isinstance(classes, list | tuple | range | np.ndarray):
        return list(classes)
    return [classes if function is None else function]


def _objective(target: Any, default: Source) -> Objective:
    """A number or a name selects a value of the default source; a function is one of the scores."""
    plain, function = targets.split_target(target)
    if isinstance(plain, Objective):
        return plain
    if function is not None:
        return objectives.of_scores(function)
    return objectives.score(plain) if default.layer is None else objectives.unit(default.layer, plain)


def _inputs(model: keras.Model, start: Any, input_name: str | None, size: tuple[int, int] | None) -> Inputs:
    """One row for each input of the model."""
    if size is not None and (not isinstance(size, list | tuple) or len(size) != 2):
        raise InputError(f"`size` must be (height, width). Received: {received(size)}.")
    for length in size or ():
        checked_count("size", length, 1)
    if start is None:
        inputs = example_inputs(model, size, input_name)
    else:
        axes = [len(shape) for name, shape in input_shapes(model).items() if input_name in (None, name)] or [3]
        is_picture = not isinstance(start, dict) and np.ndim(start) == axes[0]
        inputs = inputs_of(model, np.asarray(start)[None] if is_picture else start, input_name)
    if inputs.images.ndim != 4:
        shape = input_shapes(model).get(inputs.input_name, inputs.images.shape[1:])
        kind = KINDS.get(len(shape), "arrays")
        raise InputError(f"`maximize` needs a model of pictures, (height, width, channels). Received: one of {kind}, {shape}.")
    if len(inputs.images) != 1:
        raise InputError(f"`start` must be one picture, (height, width, channels). Received: {len(inputs.images)} of them.")
    return inputs
