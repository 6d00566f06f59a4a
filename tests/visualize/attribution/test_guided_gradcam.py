"""Guided Grad-CAM, and class activation maps of several layers."""

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError


def test_guided_gradcam_is_guided_saliency_times_gradcam(build, images_for):
    model = build("softmax")
    images = images_for(model)
    found = visualize.guided_gradcam(model, images, [0, 1, 2])
    lines = visualize.saliency(model, images, [0, 1, 2], modifier="guided").values
    np.testing.assert_allclose(found.values, lines * visualize.gradcam(model, images, [0, 1, 2]).values, rtol=1e-5, atol=1e-9)
    assert found.values.any()
    assert found.settings["layer"] == "relu"


def test_a_model_without_relu_is_refused():
    model = keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    with pytest.raises(InputError, match="no ReLU stands between the image and the score"):
        visualize.guided_gradcam(model, np.ones((1, 6, 6, 1)), 0)


METHODS = [visualize.gradcam, visualize.hirescam, visualize.eigencam, visualize.scorecam, visualize.ablationcam]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_several_layers_are_averaged_each_by_its_largest_value(method, build, images_for):
    model = build("linear")
    images = images_for(model)
    target = () if method is visualize.eigencam else ([1, 0, 2],)
    found = method(model, images, *target, layer=["conv", "relu"])
    each = [method(model, images, *target, layer=layer).values for layer in ("conv", "relu")]
    largest = [np.abs(values).max(axis=(1, 2), keepdims=True) for values in each]
    expected = np.mean([values / np.where(most, most, 1) for values, most in zip(each, largest, strict=True)], axis=0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-6)
    assert found.settings["layer"] == ["conv", "relu"]
    assert found.settings["unit"] == "mean of the layers, each by its largest"


def test_guided_gradcam_reads_the_layers_that_are_named(build, images_for):
    model = build("softmax")
    images = images_for(model)
    found = visualize.guided_gradcam(model, images, 1, layer=["conv", "relu"])
    cam = visualize.gradcam(model, images, 1, layer=["conv", "relu"]).values
    np.testing.assert_allclose(
        found.values, cam * visualize.saliency(model, images, 1, modifier="guided").values, rtol=1e-5, atol=1e-9
    )


def test_one_layer_in_a_list_is_that_layer(build, images_for):
    model = build("softmax")
    images = images_for(model)
    found, alone = (visualize.gradcam(model, images, 1, layer=layer) for layer in (["conv"], "conv"))
    np.testing.assert_array_equal(found.values, alone.values)
    assert found.settings == alone.settings


def test_a_layer_that_is_named_twice_is_refused(build, images_for):
    model = build("nested")
    with pytest.raises(InputError) as caught:
        visualize.gradcam(model, images_for(model), 1, layer=["conv", "base/conv"])
    assert str(caught.value) == "`layer` must name each layer once. Received: 'base/conv', 'base/conv'."
