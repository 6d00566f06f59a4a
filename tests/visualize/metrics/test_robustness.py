"""How much a map changes when its image hardly does: on models whose maps are known."""

import functools

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError
from visualize.metrics.robustness import sensitivity


def linear(shape=(4, 4, 1)):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)])


def test_a_map_that_does_not_depend_on_the_image_is_perfectly_stable():
    result = sensitivity(linear(), np.random.default_rng(0).random((3, 4, 4, 1)), method=visualize.saliency)
    np.testing.assert_array_equal(result.maximum, 0)
    np.testing.assert_array_equal(result.average, 0)


def test_input_times_gradient_of_a_linear_model_changes_by_the_noise_times_the_weights():
    model, images = linear(), np.random.default_rng(0).random((2, 4, 4, 1))
    model = visualize.describe(model, input_range=(0, 2))
    result = sensitivity(model, images, 1, method=visualize.input_times_gradient, radius=0.1, samples=70, seed=3)
    weights = np.asarray(model.layers[-1].kernel)[:, 1].reshape(1, 4, 4, 1)
    noise = np.random.default_rng(3).uniform(-1, 1, (70, 1, 4, 4, 1)) * 0.1 * 2
    changes = np.linalg.norm((noise * weights).reshape(70, 1, -1), axis=2)
    expected = changes / np.linalg.norm((images * weights).reshape(2, -1), axis=1)
    np.testing.assert_allclose(result.maximum, expected.max(axis=0), rtol=1e-4)
    np.testing.assert_allclose(result.average, expected.mean(axis=0), rtol=1e-4)


def test_copies_are_explained_for_the_class_of_their_image(build, images_for):
    model = build("softmax")
    images = images_for(model)
    own = visualize.saliency(model, images).targets.tolist()
    for radius in (0.02, 1.0):  # so much noise that the prediction is another
        left_out = sensitivity(model, images, method=visualize.gradcam, radius=radius)
        named = sensitivity(model, images, own, method=visualize.gradcam, radius=radius)
        np.testing.assert_array_equal(left_out.maximum, named.maximum)


@pytest.mark.parametrize("built", ["two_inputs", "siamese", "channels_first", "sequence", "two_outputs", "segmenting"])
def test_every_kind_of_model_can_be_measured(built, build, images_for):
    model = build(built)
    images = images_for(model)
    options = {"input_name": "picture"} if built == "siamese" else {}
    target = visualize.Target(0, output="kind") if built == "two_outputs" else 0
    result = sensitivity(model, images, target, method=visualize.input_times_gradient, samples=2, **options)
    assert result.maximum.shape == (3,)
    assert (result.maximum >= result.average).all()
    assert (result.average > 0).all()


def test_an_image_is_measured_as_if_it_were_alone(build, images_for):
    model = build("softmax")
    images = images_for(model)
    method = functools.partial(visualize.occlusion, patch=4)
    whole = sensitivity(model, images, 2, method=method, samples=3)
    alone = sensitivity(model, images[1:2], 2, method=method, samples=3)
    np.testing.assert_allclose(whole.average[1:2], alone.average, rtol=1e-4)


@pytest.mark.parametrize(("option", "value"), [("radius", 0), ("radius", "much"), ("samples", 0), ("seed", -1)])
def test_an_option_out_of_range_is_refused(build, images_for, option, value):
    model = build("softmax")
    with pytest.raises(InputError, match=f"`{option}` must be"):
        sensitivity(model, images_for(model), **{option: value})


def test_numbers_of_words_are_refused():
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    with pytest.raises(InputError, match="numbers of words"):
        sensitivity(model, np.ones((1, 5), "int32"), method=functools.partial(visualize.occlusion, fill=0, patch=1))
