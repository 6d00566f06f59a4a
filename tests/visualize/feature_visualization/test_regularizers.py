"""Regularizers: what they are by hand, and what they do to the optimized images."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import maximize
from visualize.feature_visualization import objectives
from visualize.feature_visualization.regularizers import gram_similarity, norm_and_variation

PLAIN = {"lp_norm": 0, "total_variation": 0, "jitter": 0}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tf-keras-vis' imports from SciPy


def test_norm_and_variation_are_what_they_are_by_hand():
    image = np.random.default_rng(0).standard_normal((3, 4, 2))
    norm = (np.abs(image) ** 6).sum() ** (1 / 6)
    steps = (np.diff(image, axis=0) ** 2).sum() + (np.diff(image, axis=1) ** 2).sum()
    np.testing.assert_allclose(norm_and_variation(tf.constant(image[None]), 3.0, 5.0), [(3 * norm + 5 * steps) / 24])


@pytest.mark.parametrize("shape", [(3, 4, 5), (6,), (2, 5)])
def test_similarity_is_the_mean_cosine_of_gram_matrices(shape):
    maps = np.random.default_rng(0).standard_normal((6, *shape)).astype("float32")
    grams = [rows.T @ rows for rows in maps.reshape(6, -1, shape[-1])]
    by_hand = []
    for unit, copy in itertools.product(range(2), range(3)):
        others = [grams[3 * unit + other] for other in range(3) if other != copy]
        own = grams[3 * unit + copy]
        by_hand.append(np.mean([(own * one).sum() / np.linalg.norm(own) / np.linalg.norm(one) for one in others]))
    np.testing.assert_allclose(gram_similarity(tf.constant(maps), 3), by_hand, rtol=1e-4)


def test_the_gradient_of_a_similarity_is_that_of_the_images_own_part():
    maps = tf.Variable(np.random.default_rng(0).standard_normal((2, 3, 4)))
    with tf.GradientTape() as tape:
        own = gram_similarity(maps, 2)[0]
    gradient = tape.gradient(own, maps).numpy()
    assert np.abs(gradient[0]).max() > 0
    np.testing.assert_array_equal(gradient[1], 0)


def alike(model, found, layer, copies):
    feature_maps = keras.Model(model.inputs[0], model.get_layer(layer).output)
    return np.asarray(gram_similarity(tf.convert_to_tensor(feature_maps(found.pictures)), copies)).mean()


@pytest.mark.slow
@pytest.mark.parametrize(("target", "layer"), [(1, "relu"), (objectives.unit("conv", 2), "conv")])
def test_diversity_draws_the_copies_of_a_unit_apart(target, layer, build):
    model = build("softmax")
    without, with_it = (maximize(model, target, steps=40, copies=3, diversity=weight) for weight in (0, 30))
    assert with_it.settings["diversity_layers"] == [layer]
    assert alike(model, with_it, layer, 3) < alike(model, without, layer, 3) - 0.01


@pytest.mark.slow
def test_diversity_of_a_list_is_where_each_objective_reads(build):
    asked = [objectives.unit("conv", 2), objectives.unit("conv_2", 1)]
    together = maximize(build("softmax"), asked, steps=10, copies=2, diversity=20)
    for position, one in enumerate(asked):
        alone = maximize(build("softmax"), one, steps=10, copies=2, diversity=20)
        np.testing.assert_allclose(alone.pictures, together.pictures[2 * position : 2 * position + 2], atol=2e-3)


@pytest.mark.parametrize("parametrization", ["pixel", "fourier"])
def test_a_regularizer_is_taken_from_the_score_as_it_is(parametrization):
    model = keras.Sequential([keras.Input((4, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)])
    kernel = np.random.default_rng(0).uniform(-1, 1, (12, 2))
    model.layers[-1].set_weights([kernel])

    def square(images):
        return 0.7 * tf.reduce_sum(images**2)

    options = {"input_range": (-1, 1), "steps": 400, "step_size": 0.003, "parametrization": parametrization, **PLAIN}
    found = maximize(model, regularizers=[square], **options)
    np.testing.assert_allclose(found.pictures.reshape(2, 12), kernel.T / 1.4, atol=0.03)  # where weight = 2 * 0.7 * x
    assert found.settings["regularizers"] == ["square"]


def test_regularizers_come_on_top_and_one_may_stand_alone(build):
    from tf_keras_vis.activation_maximization.regularizers import TotalVariation2D

    model = build("softmax")
    plain = maximize(model, 1, steps=15, **PLAIN).pictures
    smooth = maximize(model, 1, steps=15, regularizers=TotalVariation2D(300.0), **PLAIN).pictures
    assert (np.diff(smooth, axis=1) ** 2).sum() < 0.5 * (np.diff(plain, axis=1) ** 2).sum()
