"""Features are what the layers compute when they are called one by one."""

import keras
import numpy as np
import pytest

from visualize import InputError, features


def test_features_are_the_output_of_the_layer_for_each_image(build, images_for):
    model = build("softmax")
    images = images_for(model, 3)
    found = features(model, images, layer="conv_2", batch_size=2)
    maps = np.asarray(model.get_layer("conv_2")(model.get_layer("conv")(images)))
    assert len(found) == 3
    for tiles, image, one in zip(found, images, maps, strict=True):
        np.testing.assert_allclose(tiles.pictures[..., 0], one.transpose(2, 0, 1), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(tiles.source, image)
        assert tiles.signed  # a convolution without activation


def test_by_default_the_first_convolution_is_shown(build, images_for):
    found = features(build("softmax"), images_for(build("softmax")))[0]
    assert found.settings["layer"] == "conv"
    assert not found.signed  # its ReLU leaves nothing below zero
    assert found.captions == ("0", "1", "2", "3", "4", "5")


def test_a_layer_of_a_nested_model_is_named_by_its_path(build, images_for):
    model = build("nested")
    images = images_for(model, 1)
    inner = model.get_layer("base").get_layer("conv")
    maps = np.asarray(inner(images))[0].transpose(2, 0, 1)
    np.testing.assert_allclose(features(model, images, layer="base/conv")[0].pictures[..., 0], maps, rtol=1e-4, atol=1e-6)


def test_units_without_maps_are_one_line(build, images_for):
    model = build("softmax")
    images = images_for(model, 2)
    found = features(model, images, layer="preds")[1]
    assert found.pictures.shape == (1, 1, 4, 1)
    np.testing.assert_allclose(found.pictures[0, 0, :, 0], np.asarray(model(images))[1], rtol=1e-4)


def test_what_cannot_be_shown_is_refused(build, images_for):
    model = build("softmax")
    with pytest.raises(InputError, match=r"Received: 'conv_3'\. Nearest: 'conv_2', 'conv'"):
        features(model, images_for(model), layer="conv_3")
    flat = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2, name="preds")])
    with pytest.raises(InputError, match="`layer` must be named: the model has no convolution"):
        features(flat, np.ones((1, 2, 2, 1)))
