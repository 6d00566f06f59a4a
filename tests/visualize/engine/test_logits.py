"""Logits: what stands behind an output, whatever stands behind its softmax."""

import keras
import numpy as np
import pytest

from visualize import saliency

HEADS = {
    "softmax": lambda logits: keras.layers.Softmax()(logits),
    "log_softmax": lambda logits: keras.layers.Activation("log_softmax")(logits),
    "reshaped": lambda logits: keras.layers.Reshape((3,))(keras.layers.Softmax()(logits)),
    "scaled": lambda logits: keras.layers.Rescaling(100.0)(keras.layers.Softmax()(logits)),
    "logarithm": lambda logits: keras.ops.log(keras.ops.softmax(logits)),
    "exponential": lambda logits: keras.ops.exp(keras.ops.log_softmax(logits)),
    "divided": lambda logits: keras.ops.softmax(logits) / 4.0,
    "reshaped and scaled": lambda logits: keras.layers.Reshape((3,))(keras.layers.Rescaling(0.5)(keras.ops.softmax(logits))),
}


def model_of(head):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(inputs))
    logits = keras.layers.Dense(3, name="logits")(x)
    return keras.Model(inputs, head(logits)), keras.Model(inputs, logits)


IMAGES = np.random.default_rng(0).random((3, 6, 6, 1), "float32")


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_scores_are_the_logits_and_probabilities_their_softmax(head):
    model, bare = model_of(head)
    logits = bare(IMAGES).numpy()
    explained = saliency(model, IMAGES, [0, 1, 2])
    assert explained.settings.score == "logit"
    np.testing.assert_allclose(explained.scores, logits[range(3), range(3)], rtol=1e-5)
    expected = np.exp(logits - logits.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(explained.arrays["probability"], expected[range(3), range(3)], rtol=1e-5)
    np.testing.assert_allclose(explained.values, saliency(bare, IMAGES, [0, 1, 2]).values, rtol=1e-5)


def test_groups_of_classes_that_are_flattened_have_the_logits_of_their_group():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Flatten()(inputs)
    logits = keras.layers.Reshape((2, 4), name="logits")(keras.layers.Dense(8)(x))
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Softmax()(logits)))
    groups = keras.Model(inputs, logits)(IMAGES).numpy()
    explained = saliency(model, IMAGES, 5)  # the second class of the second group
    np.testing.assert_allclose(explained.scores, groups[:, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(explained.arrays["probability"], model(IMAGES).numpy()[:, 5], rtol=1e-5)
    assert explained.settings.score == "logit"


@pytest.mark.parametrize("squeeze", [lambda x: keras.ops.squeeze(x, -1), lambda x: x[:, 0], keras.layers.Reshape(())])
def test_a_sigmoid_squeezed_to_one_number_counts_as_two_classes(squeeze):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 6, 1))
    logit = keras.layers.Dense(1)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, squeeze(keras.ops.sigmoid(logit)))
    expected = keras.Model(inputs, logit)(IMAGES).numpy()[:, 0]
    np.testing.assert_allclose(saliency(model, IMAGES, 1).scores, expected, rtol=1e-5)
    np.testing.assert_allclose(saliency(model, IMAGES, 0).scores, -expected, rtol=1e-5)
    assert saliency(model, IMAGES).settings.classes == 2


def test_a_factor_that_is_not_one_positive_number_is_no_scale():
    model, _ = model_of(lambda logits: -1.0 * keras.ops.softmax(logits))
    assert saliency(model, IMAGES).settings.score == "output"
