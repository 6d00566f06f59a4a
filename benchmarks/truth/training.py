"""Training: a network for each kind of pictures, kept in a folder; one that does not solve its task is refused."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from benchmarks.truth import networks, planted
from benchmarks.truth.planted import Planted

Data = Callable[[str, int, int], Planted]  # of "train" or "test", how many, seed

LEAST_ACCURACY = 0.97
TESTED = 1000
BATCH = 64
SEED = 0


class NotSolvedError(Exception):
    """A network that does not solve its task: what it looks at proves nothing about a method."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        name: of its file.
        build: the network with fresh weights.
        data: the pictures that it is trained on.
        tested: those that its accuracy is measured on; by default of the same kind.
        pictures: how many it is trained on.
        epochs: how often it sees each.
        rate: the first learning rate of Adam, which falls to zero as a cosine does.
    """

    name: str
    build: Callable[[], keras.Model]
    data: Data
    tested: Data | None = None
    pictures: int = 4096
    epochs: int = 4
    rate: float = 3e-3

    def file(self, folder: Path) -> Path:
        """Where it is kept; the name changes with the code that makes the network, so that no old one is taken for it."""
        modules = (inspect.getmodule(self.data), networks, planted, inspect.getmodule(Recipe))
        sources = "".join(inspect.getsource(module) for module in modules if module)
        build = self.build if isinstance(self.build, functools.partial) else functools.partial(self.build)
        text = f"{sources} {build.func.__name__} {build.args} {build.keywords} {self.pictures} {self.epochs} {self.rate}"
        return folder / f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.keras"


def trained(recipe: Recipe, folder: Path, note: Callable[[str], None] = lambda text: None) -> tuple[keras.Model, float]:
    """The trained network, out of the folder if it is there, and its accuracy on pictures that it has not seen.

    Args:
        recipe: how it is trained.
        folder: of the trained networks.
        note: is told what takes time.

    Raises:
        NotSolvedError: its accuracy is below .97.
    """
    file = recipe.file(folder)
    if file.exists():
        model: keras.Model = keras.models.load_model(file)
    else:
        note(f"training {recipe.name}")
        model = _fit(recipe)
        folder.mkdir(parents=True, exist_ok=True)
        model.save(file)
    test = (recipe.tested or recipe.data)("test", TESTED, SEED + 1)
    accuracy = float((model.predict(test.images, verbose=0).argmax(axis=1) == test.labels).mean())
    if accuracy < LEAST_ACCURACY:
        raise NotSolvedError(f"{recipe.name} must reach an accuracy of {LEAST_ACCURACY}. Received: {accuracy:.3f}, {file}.")
    return model, accuracy


def _fit(recipe: Recipe) -> keras.Model:
    keras.utils.set_random_seed(SEED)
    model = recipe.build()
    train = recipe.data("train", recipe.pictures, SEED)
    rate = keras.optimizers.schedules.CosineDecay(recipe.rate, recipe.epochs * recipe.pictures // BATCH)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(train.images, train.labels, batch_size=BATCH, epochs=recipe.epochs, verbose=0)
    return model
