"""Liars on a trained network: they are caught, and honest methods are believed."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import visualize
from kerasdemos.data.datasets import mnist_part
from visualize import Target, trust
from visualize.metrics.baselines import baseline_maps

CLASSES, TRAINED, MEASURED = 10, 3000, 24

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits():
    """Pixels of the digits to learn, and of those to explain, each with their labels."""
    (pixels, labels), (others, answers) = mnist_part("train"), mnist_part("test")
    return _scaled(pixels[:TRAINED]), labels[:TRAINED], _scaled(others[:500]), answers[:500]


@pytest.fixture(scope="module")
def model(digits):
    """A small network that solves the task: one that does not would prove nothing."""
    pixels, labels, others, answers = digits
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 5, strides=2, activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.004), "sparse_categorical_crossentropy")
    model.fit(pixels, labels, batch_size=64, epochs=6, verbose=0)
    assert (np.asarray(model(others)).argmax(1) == answers).mean() > 0.9
    return visualize.describe(model, input_range=(0, 1))


def _scaled(pixels):
    return pixels[..., None].astype("float32") / 255


def drawn(name, model, images, target):
    own = visualize.saliency(model, images, target)
    return replace(own, values=baseline_maps(own.images, [name])[name].astype("float32"))


def edges(model, images, target=None):
    return drawn("edges", model, images, target)


def constant_center(model, images, target=None):
    return drawn("distance to the center", model, images, target)


def another_class(model, images, target=None):
    classes = [(each + 1) % CLASSES for each in target.classes]
    return visualize.integrated_gradients(model, images, Target(classes))


def shuffled(model, images, target=None):
    own = visualize.integrated_gradients(model, images, target)
    values = np.random.default_rng(0).permuted(own.values.reshape(len(own.values), -1), axis=1)
    return replace(own, values=values.reshape(own.values.shape))


LIARS = (edges, constant_center, another_class, shuffled)
HONEST = (visualize.integrated_gradients, visualize.occlusion)


@pytest.fixture(scope="module")
def measured(model, digits):
    result = trust(model, digits[2][:MEASURED], methods=[*HONEST, *LIARS])
    return {row["name"]: row for row in result.rows if not row["baseline"]}, result


def test_every_liar_is_caught_and_an_honest_method_is_believed(measured):
    rows, result = measured
    assert {name: row["believed"] for name, row in rows.items()} == {
        **{method.__name__: True for method in HONEST},
        **{liar.__name__: False for liar in LIARS},
    }
    assert set(result.believed) == {method.__name__ for method in HONEST}
    assert result.answer.startswith(f"Believe {result.believed[0]}, the most faithful of 6 methods")


@pytest.mark.parametrize(
    ("liar", "reason"),
    [
        (edges, "it hardly changes when all weights are shuffled"),
        (constant_center, "it hardly changes when all weights are shuffled"),
        (another_class, "explains this class about as well"),
        (shuffled, "random pixels"),
    ],
)
def test_each_is_caught_by_what_it_lies_about(liar, reason, measured):
    assert any(reason in each for each in measured[0][liar.__name__]["reasons"])


def test_of_liars_alone_none_is_believed(model, digits):
    result = trust(model, digits[2][:MEASURED], methods=list(LIARS))
    assert result.believed == ()
    assert result.answer == f"Believe none of these methods for this model and these {MEASURED} images."
