"""Parity with tf-keras-vis, on the models on which its engines work: built fresh by the functional interface."""

import keras
import numpy as np
import pytest

from visualize import gradcam, saliency

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of its imports from SciPy
    pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning"),  # it calls every model on a list
]


@pytest.fixture(scope="module")
def functional():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((14, 18, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="last")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Dense(16, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax", name="preds")(x))


def unit(values):
    """Each map from 0 to 1, as tf-keras-vis normalizes."""
    low = values.min(axis=(1, 2), keepdims=True)
    return (values - low) / (values.max(axis=(1, 2), keepdims=True) - low)


IMAGES = np.random.default_rng(2).random((4, 14, 18, 3)).astype("float32")
TARGETS = [0, 3, 2, 1]


def test_saliency_is_that_of_tf_keras_vis(functional):
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    theirs = Saliency(functional, model_modifier=ReplaceToLinear(), clone=True)(CategoricalScore(TARGETS), IMAGES)
    np.testing.assert_allclose(unit(saliency(functional, IMAGES, TARGETS).values), theirs, atol=1e-4)


@pytest.mark.parametrize("layer", ["first", "last"])
def test_gradcam_is_that_of_tf_keras_vis_before_it_is_resized(functional, layer):
    import tensorflow as tf
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    engine = Gradcam(functional, model_modifier=ReplaceToLinear(), clone=True)
    theirs = engine(CategoricalScore(TARGETS), IMAGES, penultimate_layer=layer, expand_cam=False, normalize_cam=False)
    theirs = np.asarray(tf.image.resize(np.asarray(theirs)[..., None], (14, 18)))[..., 0]
    np.testing.assert_allclose(
        gradcam(functional, IMAGES, TARGETS, layer=layer).values, theirs, rtol=1e-3, atol=1e-4 * theirs.max()
    )
