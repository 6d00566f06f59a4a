"""Rows: every method of the project with its defaults, below maps that know nothing of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from visualize.report.methods import attribution_methods, method, takes

Explain = Callable[[keras.Model, np.ndarray, np.ndarray], np.ndarray]

VARIANTS = {  # what a method's name is joined to, and the options
    "saliency, guided": ("saliency", {"modifier": "guided"}),
    "saliency, relu": ("saliency", {"modifier": "relu"}),
}


NAMED = {"vit": "patches"}  # the layer of a network whose maps are read only where they are named


@dataclass(frozen=True)
class Row:
    """One row of the table: its name, and the maps of pictures for their targets, (count, height, width)."""

    name: str
    maps: Explain


def random(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Noise: what chance finds."""
    return np.random.default_rng(0).random(images.shape[:3])


def edges(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The edges of the picture, whatever the network."""
    gray = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = gray[:, 2:, 1:-1] - gray[:, :-2, 1:-1]
    columns = gray[:, 1:-1, 2:] - gray[:, 1:-1, :-2]
    return np.hypot(rows, columns)


def center(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The nearness to the center, whatever the picture."""
    height, width = images.shape[1:3]
    rows, columns = np.indices((height, width))
    far = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    return np.broadcast_to(far.max() - far, images.shape[:3])


BASELINES = (random, edges, center)


def rows() -> list[Row]:
    """The baselines, then every method by its name, a variant below its method."""
    of_methods = {name: _row(name, {}) for name in attribution_methods()}
    variants = {name: _row(plain, options, name) for name, (plain, options) in VARIANTS.items()}
    named = {**of_methods, **variants}
    return [*(Row(maps.__name__, maps) for maps in BASELINES), *(named[name] for name in sorted(named))]


def _row(name: str, options: dict[str, Any], title: str | None = None) -> Row:
    function = method(name)

    def maps(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        arguments = (model, images, targets.tolist()) if takes(function, "target") else (model, images)
        layer = NAMED.get(model.name) if takes(function, "layer") else None
        return function(*arguments, **options, **({"layer": layer} if layer else {})).values

    return Row(title or name, maps)
