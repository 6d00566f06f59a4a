"""Filters are the weights themselves."""

import keras
import numpy as np
import pytest

from visualize import InputError, filters


def kernels(model, layer):
    return np.asarray(model.get_layer(layer).get_weights()[0])


def test_a_tile_is_the_kernel_of_one_filter_over_one_channel(build):
    model = build("softmax")
    found = filters(model, layer="conv_2")
    kernel = kernels(model, "conv_2")  # (3, 3, 6, 8)
    assert found.display.columns == 6
    for one, over in ((0, 0), (7, 5), (3, 2)):
        index = one * 6 + over
        np.testing.assert_array_equal(found.pictures[index, ..., 0], kernel[:, :, over, one])
        assert found.captions[index] == f"{one}/{over}"


def test_one_channel_can_be_chosen(build):
    model = build("softmax")
    found = filters(model, layer="conv_2", channel=4)
    np.testing.assert_array_equal(found.pictures[..., 0], kernels(model, "conv_2")[:, :, 4].transpose(2, 0, 1))


def test_filters_over_red_green_and_blue_are_one_picture_each(build):
    model = build("color")
    found = filters(model)
    assert found.settings["layer"] == "conv"
    np.testing.assert_array_equal(found.pictures, kernels(model, "conv").transpose(3, 0, 1, 2))
    assert found.signed


def test_a_depthwise_layer_has_a_kernel_a_channel_and_multiple(build):
    model = build("separable")
    found = filters(model, layer="depthwise")
    kernel = kernels(model, "depthwise")  # (3, 3, 3, 2)
    assert found.pictures.shape == (6, 3, 3, 1)
    np.testing.assert_array_equal(found.pictures[2 * 2 + 1, ..., 0], kernel[:, :, 2, 1])
    np.testing.assert_array_equal(
        filters(model, layer="separable").pictures[..., 0],
        np.asarray(model.get_layer("separable").depthwise_kernel)[..., 0].transpose(2, 0, 1),
    )


def test_a_transposed_convolution_is_read_the_right_way_round():
    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2DTranspose(5, 3, name="up")])
    found = filters(model)
    assert (found.settings["filters"], found.settings["channels"]) == (5, 2)
    np.testing.assert_array_equal(found.pictures[3 * 2 + 1, ..., 0], kernels(model, "up")[:, :, 3, 1])


def test_sixteen_bit_kernels_are_drawn_as_float32(build):
    assert filters(build("mixed_bfloat16")).pictures.dtype == np.float32


def test_what_has_no_kernels_is_refused(build):
    model = build("softmax")
    with pytest.raises(InputError, match=r"`layer` must have kernels: one of 'conv', 'conv_2'\. Received: 'relu'\."):
        filters(model, layer="relu")
    with pytest.raises(InputError, match=r"`channel` must be between 0 and 5\. Received: 6\."):
        filters(model, layer="conv_2", channel=6)
    flat = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="`filters` needs a layer with kernels"):
        filters(flat)
