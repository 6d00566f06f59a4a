"""Aims: what each tile is to make large, from what a person asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from visualize import targets
from visualize.errors import InputError
from visualize.feature_visualization import objectives
from visualize.feature_visualization.objectives import Objective, Source
from visualize.models.layers import find_layer

MOST_UNITS = 100  # that are maximized without being named


def wished_by(
    target: Any, layer: str | None, whole_layer: str | None, home: Source, known: Sequence[str]
) -> list[Objective] | None:
    """What each tile is to make large; None for every unit there is.

    Raises:
        InputError: `target` names nothing, or options that exclude each other are given.
    """
    if whole_layer is not None:
        if target is not None or layer is not None:
            raise InputError("`whole_layer` takes the place of `target` and `layer`. Received: both.")
        return [objectives.layer(find_layer(whole_layer, known))]
    if target is None:
        return None
    plain, function = targets.split_target(target)
    several = (
        list(plain) if isinstance(plain, list | tuple | range | np.ndarray) else [plain if function is None else function]
    )
    if not several:
        raise InputError("`target` must name at least one class or unit. Received: none.")
    if layer is not None and all(isinstance(one, Objective) or callable(one) for one in several):
        raise InputError(
            f"`layer` tells whose units `target` means by a number, and objectives need none. Received: {layer!r}."
        )
    return [_objective(one, home).found(lambda path: find_layer(path, known)) for one in several]


def every_unit(home: Source, count: int) -> list[Objective]:
    """An objective for each answer of `home`.

    Raises:
        InputError: they are too many.
    """
    if count > MOST_UNITS:
        raise InputError(f"`target` must name the units to maximize: there are {count}. Received: None.")
    return [_objective(index, home) for index in range(count)]


def aim_of(
    one: Objective, home: Source, sources: Sequence[Source], weights: Sequence[np.ndarray], names: Sequence[str]
) -> Any:
    """What a tile is of: the number of a class or unit, or an objective in words."""
    index = one.index_in(home, weights[sources.index(home)]) if home in sources else None
    return one.text(names) if index is None else index


def _objective(one: Any, home: Source) -> Objective:
    """A number or a name is an answer of `home`; a function is one of the scores."""
    plain, function = targets.split_target(one)
    if isinstance(plain, Objective):
        return plain
    if function is not None:
        return objectives.of_scores(function)
    return objectives.score(plain) if home.layer is None else objectives.unit(home.layer, plain)
