"""Cases: each a network, pictures whose truth is known, and the measures that a map of them is held against."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from benchmarks.truth import additive, measures, mosaics, networks, parts, patterns, textures
from benchmarks.truth.planted import Planted
from benchmarks.truth.training import Recipe, trained

Measured = dict[str, np.ndarray]  # by measure, one value per picture
SEED = 7  # of the pictures that are explained


@dataclass(frozen=True, eq=False)
class Question:
    """A network, the pictures and classes to explain, and the truth.

    Attributes:
        model: the network.
        images: (count, height, width, 1).
        targets: (count,) which score of each is explained.
        score: the measures of maps, (count, height, width).
        masks: (count, height, width) bool, the true pixels; None where the truth is a number for each part.
        accuracy: of the network; None if it is right by construction.
    """

    model: keras.Model
    images: np.ndarray
    targets: np.ndarray
    score: Callable[[np.ndarray], Measured]
    masks: np.ndarray | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Case:
    """One column of the table.

    Attributes:
        name: as it is asked for.
        title: above the column.
        measure: which of the measures the table shows.
        question: the question for so many pictures; trained networks are kept in the folder.
    """

    name: str
    title: str
    measure: str
    question: Callable[[int, Path, Callable[[str], None]], Question] = field(repr=False)


def localization(masks: np.ndarray, maps: np.ndarray) -> Measured:
    """Mass, rank and point of each map."""
    return {measure.__name__: measure(maps, masks) for measure in (measures.mass, measures.rank, measures.point)}


def _planted(recipe: Recipe, count: int, folder: Path, note: Callable[[str], None]) -> Question:
    """Of pictures that the network gets right, as nearly all of them."""
    model, accuracy = trained(recipe, folder, note)
    pictures = _solved(model, recipe.data("test", 2 * count, SEED), count)
    return Question(
        model, pictures.images, pictures.labels, functools.partial(localization, pictures.masks), pictures.masks, accuracy
    )


def _solved(model: keras.Model, pictures: Planted, count: int) -> Planted:
    right = model.predict(pictures.images, verbose=0).argmax(axis=1) == pictures.labels
    chosen = np.flatnonzero(right)[:count]
    return Planted(pictures.images[chosen], pictures.labels[chosen], pictures.masks[chosen])


def _mosaic(split: bool, count: int, folder: Path, note: Callable[[str], None]) -> Question:
    digits, accuracy = trained(SINGLE_DIGITS, folder, note)
    pictures = mosaics.mosaics("test", count, SEED)
    model, targets = mosaics.grid_network(digits), pictures.labels
    if split:
        model, targets = mosaics.split_network(digits), mosaics.targets_of_cells(pictures)
    return Question(model, pictures.images, targets, functools.partial(localization, pictures.masks), pictures.masks, accuracy)


def _parts(count: int, folder: Path, note: Callable[[str], None]) -> Question:
    model, accuracy = trained(BARS, folder, note)
    drawn = parts.drawings("test", count, SEED)
    targets = drawn.planted.labels
    scores = keras.Model(model.input, model.get_layer("scores").output)

    def score_of_targets(images: np.ndarray) -> np.ndarray:
        return np.take_along_axis(scores.predict(images, verbose=0), targets[:, None], axis=1)[:, 0]

    whole = score_of_targets(drawn.planted.images)
    drops = np.stack([whole - score_of_targets(drawn.without(bar)) for bar in range(len(parts.BARS))], axis=1)

    def score(maps: np.ndarray) -> Measured:
        sums = (maps[:, None] * drawn.bars).sum(axis=(2, 3))  # (count, bars)
        rows = zip(sums, drops, drawn.there, strict=True)
        return {"agreement": np.array([measures.rank_correlation(own[there], drop[there]) for own, drop, there in rows])}

    return Question(model, drawn.planted.images, targets, score, accuracy=accuracy)


def _additive(count: int, folder: Path, note: Callable[[str], None]) -> Question:
    model = additive.additive_network()
    images = mosaics.mosaics("test", count, SEED, margin=0).images
    targets = np.arange(count) % additive.CLASSES  # not the model's own: half of the contributions are negative
    truth = additive.contributions(model, images, targets)

    def score(maps: np.ndarray) -> Measured:
        pairs = zip(additive.sums_of_cells(maps), truth, strict=True)
        return {"agreement": np.array([measures.correlation(own, true) for own, true in pairs])}

    return Question(model, images, targets, score)


def _textures(network: Callable[..., keras.Model], **options: int) -> Recipe:
    build = functools.partial(network, textures.SIDE, textures.CLASSES)
    return Recipe(f"textures_{network.__name__}", build, textures.textures, **options)


def _patterns(data: Callable[[str, int, int], Planted], network: Callable[..., keras.Model], **options: int) -> Recipe:
    build = functools.partial(network, patterns.SIDE, patterns.CLASSES)
    return Recipe(f"patterns_{data.__name__}", build, data, **options)


SINGLE_DIGITS = Recipe("single_digits", mosaics.digit_network, mosaics.single_digits, pictures=16384, epochs=5)
BARS = Recipe(
    "bars",
    functools.partial(networks.cnn, parts.SIDE, parts.CLASSES, convolutions=4, hidden=32),
    parts.training_drawings,
    tested=parts.plain_drawings,
    pictures=6144,
    epochs=8,
)
LOCALIZED = {  # each a network that is trained on the pictures that it explains
    "textures_cnn": ("texture, CNN", _textures(networks.cnn)),
    "textures_residual": ("texture, residual", _textures(networks.residual, pictures=2048, epochs=3)),
    "textures_vit": ("texture, ViT", _textures(networks.vit, pictures=8192, epochs=6, rate=1e-3)),
    "linear": ("linear, CNN", _patterns(patterns.linear, networks.cnn)),
    "multiplicative": ("multiplicative, residual", _patterns(patterns.multiplicative, networks.residual, pictures=6144)),
    "xor": ("xor, CNN", _patterns(patterns.xor, functools.partial(networks.cnn, hidden=32), pictures=8192)),
}
CASES = (
    *(Case(name, title, "rank", functools.partial(_planted, recipe)) for name, (title, recipe) in LOCALIZED.items()),
    Case("grid", "mosaic, GridPG", "mass", functools.partial(_mosaic, False)),
    Case("split", "mosaic, DiPart", "mass", functools.partial(_mosaic, True)),
    Case("bars", "bars removed", "agreement", _parts),
    Case("additive", "additive", "agreement", _additive),
)
