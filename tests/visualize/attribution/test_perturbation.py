"""What stands where a part of an image is hidden."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, describe, occlusion, rise
from visualize.attribution.perturbation import checked_fill, fill_images

IMAGES = np.random.default_rng(4).random((2, 10, 7, 3)).astype("float32")


def test_a_number_fills_every_pixel_alike():
    np.testing.assert_array_equal(np.asarray(fill_images(tf.constant(IMAGES), 0.25)), np.full((2, 1, 1, 1), 0.25))


def test_the_mean_is_the_mean_color_of_each_image():
    np.testing.assert_allclose(
        np.asarray(fill_images(tf.constant(IMAGES), "mean"))[:, 0, 0], IMAGES.mean(axis=(1, 2)), rtol=1e-6
    )


def test_blur_is_a_gaussian_of_a_tenth_of_each_side():
    found = np.asarray(fill_images(tf.constant(IMAGES), "blur"))
    rows, columns = np.mgrid[:10, :7]
    for row, column in ((0, 0), (5, 3), (9, 6), (2, 6)):
        weights = np.exp(-((rows - row) ** 2) / (2 * 1.0**2) - (columns - column) ** 2 / (2 * 0.7**2))
        expected = (weights[..., None] * IMAGES).sum(axis=(1, 2)) / weights.sum()
        np.testing.assert_allclose(found[:, row, column], expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 40, 2), (40, 1, 2), (2, 30, 30, 1)])
def test_blur_hides_something_of_strips_and_of_few_frames_too(shape):
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)])
    images = np.random.default_rng(0).random((1, *shape), "float32")
    blurred, black = (np.abs(occlusion(model, images, 0, fill=fill).values).mean() for fill in ("blur", 0.0))
    assert blurred > black / 10


def test_an_even_image_loses_nothing_by_its_mean_or_by_blur():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    even = np.broadcast_to(np.array([0.1, 0.5, 0.9], "float32"), (1, 8, 8, 3))
    for fill in ("mean", "blur"):
        np.testing.assert_allclose(occlusion(model, even, 0, fill=fill).values, 0, atol=1e-5)
        np.testing.assert_allclose(rise(model, even, 0, fill=fill, masks=9).values, 0, atol=1e-5)
    assert np.abs(occlusion(model, even, 0, fill=0.0).values).max() > 0.01


def test_occlusion_hides_behind_the_fill():
    model = keras.Sequential([keras.Input((10, 7, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    weights = model.layers[-1].get_weights()[0].reshape(10, 7, 3, 2)[..., 1]
    for fill in ("mean", "blur"):
        stands = np.broadcast_to(np.asarray(fill_images(tf.constant(IMAGES), fill)), IMAGES.shape)
        found = occlusion(model, IMAGES, 1, patch=1, stride=1, fill=fill)
        np.testing.assert_allclose(found.values, ((IMAGES - stands) * weights).sum(axis=-1), atol=1e-5)
        assert found.settings["fill"] == fill


@pytest.mark.parametrize("path", ["windows", "full"])
@pytest.mark.parametrize("color", [[0.1, 0.5, 0.9], np.array([0.1, 0.5, 0.9])], ids=["list", "array"])
def test_occlusion_hides_behind_a_color(path, color):
    convolution = keras.layers.Conv2D(2, 1, use_bias=False)
    model = keras.Sequential([keras.Input((4, 5, 3)), convolution, keras.layers.GlobalAveragePooling2D()])
    found = occlusion(model, IMAGES[:, :4, :5], 1, patch=1, stride=1, fill=color, path=path)
    weights = convolution.get_weights()[0][0, 0, :, 1]
    np.testing.assert_allclose(found.values, (IMAGES[:, :4, :5] - [0.1, 0.5, 0.9]) @ weights / 20, atol=1e-6)
    assert found.settings["fill"] == [0.1, 0.5, 0.9]


def test_a_color_is_told_from_a_number_and_from_another_color():
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    gray, same, red = (occlusion(model, IMAGES[:, :4, :4], 0, fill=fill).values for fill in (0.2, [0.2] * 3, [0.9, 0.2, 0.2]))
    np.testing.assert_allclose(gray, same, atol=1e-6)
    assert np.abs(red - same).max() > 0.01


def test_rise_hides_behind_the_fill():
    model = keras.Sequential([keras.Input((10, 7, 3)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)])
    for fill in ("mean", "blur", (0.1, 0.5, 0.9)):
        stands = np.broadcast_to(np.asarray(fill_images(tf.constant(IMAGES), fill)), IMAGES.shape)
        # Of a linear model, what a mask shows is the score of the fill plus that of the difference seen through the mask.
        found, difference = rise(model, IMAGES, 1, fill=fill, masks=15), rise(model, IMAGES - stands, 1, fill=0.0, masks=15)
        np.testing.assert_allclose(found.values, difference.values, atol=1e-4)


def test_the_default_of_rise_comes_from_the_card():
    assert checked_fill(None, 3.0, 1) == 3.0
    model = describe(
        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]), input_range=(-1, 3)
    )
    assert occlusion(model, np.ones((1, 8, 8, 1)), 0).settings["fill"] == "blur"
    assert rise(model, np.ones((1, 8, 8, 1)), 0, masks=3).settings["fill"] == -1.0


@pytest.mark.parametrize("fill", ["median", "", float("nan"), True])
def test_anything_else_is_refused(fill):
    with pytest.raises(InputError) as caught:
        checked_fill(fill, 0.0, 1)
    assert str(caught.value) == f"`fill` must be a finite number, 'mean' or 'blur'. Received: {fill!r}."
