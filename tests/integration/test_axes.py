"""Images along any axes: sequences, pictures, volumes, vectors, and channels before or behind their places."""

import itertools

import keras
import numpy as np
import pytest

import visualize

METHODS = [
    visualize.input_times_gradient,
    visualize.integrated_gradients,
    visualize.smoothgrad,
    visualize.gradcam_plus_plus,
    visualize.layercam,
    visualize.hirescam,
    visualize.xgradcam,
    visualize.guided_gradcam,
    visualize.scorecam,
    visualize.ablationcam,
    visualize.rise,
]
SIZES = [((7,), keras.layers.Conv1D), ((5, 6), keras.layers.Conv2D), ((3, 4, 5), keras.layers.Conv3D)]


def _identity(shape, dtype=None):
    """A kernel of one pixel that hands each channel on."""
    return np.eye(shape[-1]).reshape(shape)


def linear_model(shape, convolution=None):
    """Two scores, each a weighted sum of the input; a convolution that changes nothing tells what the axes are."""
    layers = [convolution(shape[-1], 1, kernel_initializer=_identity, use_bias=False)] if convolution else []
    model = keras.Sequential([keras.Input(shape), *layers, keras.layers.Flatten(), keras.layers.Dense(2)])
    return model, model.layers[-1].get_weights()[0].reshape(*shape, 2)


@pytest.mark.parametrize(("size", "convolution"), SIZES)
def test_saliency_of_a_linear_model_is_the_size_of_its_weights_along_any_axes(size, convolution):
    model, weights = linear_model((*size, 2), convolution)
    found = visualize.saliency(model, np.ones((2, *size, 2), "float32"), 1)
    np.testing.assert_allclose(found.values[0], np.abs(weights[..., 1]).max(axis=-1), rtol=1e-6)
    assert found.images.shape == (2, *size, 2)


@pytest.mark.parametrize(("size", "convolution"), SIZES)
def test_occlusion_is_a_loop_over_cubes_along_any_axes(size, convolution):
    model, weights = linear_model((*size, 2), convolution)
    images = np.random.default_rng(0).random((2, *size, 2)).astype("float32")
    found = visualize.occlusion(model, images, 0, patch=2, stride=2, fill=0.5)
    total, count = np.zeros((2, *size)), np.zeros(size)
    for corner in itertools.product(*(range(0, length, 2) for length in size)):
        cube = tuple(slice(start, start + 2) for start in corner)
        hidden = images.copy()
        hidden[(slice(None), *cube)] = 0.5
        fall = ((images - hidden) * weights[..., 0]).reshape(2, -1).sum(axis=1)
        total[(slice(None), *cube)] += fall.reshape(-1, *[1] * len(size))
        count[cube] += 1
    np.testing.assert_allclose(found.values, total / count, atol=1e-5)


def channels_last_twin(build):
    """The same network twice, its channels first and last."""
    first = build("channels_first")
    inputs = keras.Input((12, 10, 2), name="picture")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.ReLU(name="relu")(keras.layers.Conv2D(5, 2, name="conv_2")(x))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    last = keras.Model(inputs, keras.layers.Dense(4, activation="softmax", name="preds")(x))
    last.set_weights(first.get_weights())
    return first, last


def check_twins(method, build, images_for):
    first, last = channels_last_twin(build)
    images = images_for(first)
    found, expected = (method(*both, 1) for both in ((first, images), (last, np.moveaxis(images, 1, -1))))
    assert expected.values.any()
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.settings.get("map") == expected.settings.get("map")


@pytest.mark.parametrize("method", [visualize.saliency, visualize.gradcam, visualize.occlusion])
def test_channels_first_changes_no_map(method, build, images_for):
    check_twins(method, build, images_for)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_channels_first_changes_no_map_of_any_other_method(method, build, images_for):
    check_twins(method, build, images_for)


def test_channels_first_changes_no_feature(build, images_for):
    first, last = channels_last_twin(build)
    images = images_for(first)
    found, expected = visualize.features(first, images)[1], visualize.features(last, np.moveaxis(images, 1, -1))[1]
    np.testing.assert_allclose(found.pictures, expected.pictures, atol=1e-5)
    assert found.source.shape == (12, 10, 2)


def test_a_gray_picture_needs_no_channel_axis():
    weights = np.random.default_rng(0).standard_normal((30, 2)).astype("float32")
    maps = []
    for shape in ((5, 6), (5, 6, 1)):
        model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)])
        model.layers[-1].set_weights([weights])
        maps.append(visualize.occlusion(model, np.ones((1, *shape)), 0, patch=2, fill=0.0).values)
    np.testing.assert_array_equal(*maps)


def test_two_axes_are_a_picture_unless_the_network_reads_them_as_a_sequence():
    picture = keras.Sequential([keras.Input((5, 6)), keras.layers.Reshape((5, 6, 1)), keras.layers.Conv2D(2, 3)])
    sequence = keras.Sequential([keras.Input((5, 6)), keras.layers.Conv1D(2, 3)])
    for model, expected in ((picture, (1, 5, 6)), (sequence, (1, 5))):
        whole = keras.Sequential([keras.Input((5, 6)), model, keras.layers.Flatten(), keras.layers.Dense(2)])
        assert visualize.saliency(whole, np.ones((1, 5, 6)), 0).values.shape == expected


def test_a_map_of_another_number_of_axes_is_refused():
    inputs = keras.Input((12, 2))
    x = keras.layers.Conv1D(4, 3, name="conv")(inputs)
    x = keras.layers.Reshape((5, 2, 4), name="folded")(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    with pytest.raises(
        visualize.InputError, match=r"`layer` must have maps, \(batch, length, channels\)\. Received: 'folded'"
    ):
        visualize.gradcam(model, np.ones((1, 12, 2)), 0, layer="folded")
    assert visualize.hirescam(model, np.ones((1, 12, 2)), 0).settings["map"] == [10]


@pytest.mark.parametrize("name", ["targets", "self", "arrays", "batch_size", "tensors", "model", "image", "values", "score"])
def test_an_input_may_have_any_name(name):
    keras.utils.set_random_seed(0)
    inputs, other = keras.Input((8, 8, 1), name=name), keras.Input((8, 8, 1), name="other")
    x = keras.layers.Concatenate()([keras.layers.Conv2D(3, 3, activation="relu")(each) for each in (inputs, other)])
    model = keras.Model([inputs, other], keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    images = {name: np.ones((2, 8, 8, 1), "float32"), "other": np.zeros((2, 8, 8, 1), "float32")}
    saliency = visualize.saliency(model, images, 1, input_name=name)
    assert saliency.values.any()
    assert saliency.settings.input_name == name
    for path in ("full", "windows"):
        visualize.occlusion(model, images, 1, input_name=name, patch=4, path=path)
    visualize.rise(model, images, 1, input_name=name, masks=20)
    visualize.features(model, images, input_name=name)
    visualize.maximize(model, 1, steps=2, input_name=name)
