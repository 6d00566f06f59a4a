"""Parametrizations: from parameters to an image, and back."""

import numpy as np
import pytest
import tensorflow as tf

from visualize.feature_visualization.colors import COLORS, color_matrix
from visualize.feature_visualization.parametrizations import FALLOFF, MARGIN, Fourier, MagnitudeConstrained, Pixel

SHAPES = [(6, 5, 1), (7, 7, 3), (8, 10, 3), (5, 4, 2), (1, 3, 1)]


def waves(parametrization, parameters):
    """What the sigmoid gets."""
    parts = (parametrization.images(tf.constant(parameters)).numpy() - parametrization.low) / parametrization.span
    return np.log(parts / (1 - parts))


def constrained(shape, low=-1, high=3, strength=0.001):
    """Magnitudes that are all different."""
    height, width, channels = shape
    magnitudes = np.random.default_rng(1).uniform(1, 2, (height, width // 2 + 1, channels))
    mirrored = magnitudes[(-np.arange(height)) % height]  # where a column is its own mirror image, so are its magnitudes
    magnitudes[:, [0, -1]] = (magnitudes + mirrored)[:, [0, -1]] / 2
    magnitudes = (strength * height * width * magnitudes).astype("float32")
    return MagnitudeConstrained(shape, low, high, magnitudes.tobytes())


def zeros(shape):
    return np.zeros((1, shape[0], shape[1] // 2 + 1, shape[2], 2))


@pytest.mark.parametrize("parametrized_by", [Pixel, Fourier])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_parameters_of_an_image_make_that_image(parametrized_by, shape):
    images = np.random.default_rng(0).uniform(-1.5, 2.5, (2, *shape))
    parametrization = parametrized_by(shape, -2, 3)
    made = parametrization.images(tf.constant(parametrization.parameters(images)))
    np.testing.assert_allclose(made, images, atol=1e-9)


@pytest.mark.parametrize("parametrized_by", [Pixel, Fourier, lambda *shape: constrained(*shape, strength=10)])
def test_whatever_the_parameters_images_are_within_the_range(parametrized_by):
    parametrization = parametrized_by((5, 6, 3), -0.1, 0.7)
    parameters = 100 * np.random.default_rng(0).standard_normal(parametrization.parameters(np.zeros((3, 5, 6, 3))).shape)
    images = parametrization.images(parametrization.clipped(tf.constant(parameters, tf.float32))).numpy()
    assert images.min() == np.float32(-0.1)
    assert images.max() == np.float32(0.7)


def test_black_and_white_are_moved_a_little_inwards():
    parametrization = Fourier((3, 4, 1), 0, 10)
    picture = np.random.default_rng(0).choice([0.0, 10.0], (1, 3, 4, 1))
    made = parametrization.images(tf.constant(parametrization.parameters(picture)))
    np.testing.assert_allclose(made, np.clip(picture, 10 * MARGIN, 10 - 10 * MARGIN), atol=1e-9)


@pytest.mark.parametrize("shape", [(9, 7), (8, 12)])
def test_an_equal_step_moves_each_wave_by_one_over_its_frequency(shape):
    height, width = shape
    parametrization = Fourier((*shape, 1), 0, 1)
    down, right = np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij")
    tall = {}
    for vertical, across in [(0, 1), (1, 0), (2, 1), (1, 3), (height - 1, 2)]:
        parameters = zeros((*shape, 1))
        parameters[0, vertical, across, 0, 0] = 0.01
        wave = np.cos(2 * np.pi * (vertical * down + across * right))
        found = waves(parametrization, parameters)[0, ..., 0]
        size = (found * wave).sum() / (wave**2).sum()
        np.testing.assert_allclose(found, size * wave, atol=1e-6)
        frequency = np.hypot(min(vertical, height - vertical) / height, across / width)
        size *= 1 if across else 2  # without `across` the wave is there once, not twice
        tall[vertical, across] = size * frequency**FALLOFF
    np.testing.assert_allclose(list(tall.values()), tall[0, 1], rtol=1e-6)


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 7, 1), (64, 33, 1)])
def test_a_step_moves_a_pixel_by_about_as_much_as_one_of_its_own_would(shape):
    parametrization = Fourier(shape, 0, 1)
    signs = np.random.default_rng(0).choice([-0.001, 0.001], (200, *zeros(shape).shape[1:]))
    moved = parametrization.images(tf.constant(signs)).numpy() - 0.5
    assert np.sqrt((moved**2).mean()) == pytest.approx(0.001, rel=0.03)


def test_colors_vary_together_as_published():
    parametrization = Fourier((5, 5, 3), 0, 1)
    for channel in range(3):
        parameters = zeros((5, 5, 3))
        parameters[0, 0, 0, channel, 0] = 0.01
        pixel = waves(parametrization, parameters)[0, 2, 3]
        np.testing.assert_allclose(
            pixel / np.abs(pixel).max(), COLORS[:, channel] / np.abs(COLORS[:, channel]).max(), atol=1e-6
        )


def test_channels_that_are_no_colors_vary_on_their_own():
    parameters = zeros((5, 5, 2))
    parameters[0, 1, 1, 0, 0] = 1
    found = waves(Fourier((5, 5, 2), 0, 1), parameters)
    assert np.abs(found[..., 0]).max() > 1
    np.testing.assert_allclose(found[..., 1], 0, atol=1e-9)


def test_colors_are_decorrelated_by_hand():
    np.testing.assert_allclose(color_matrix(3), COLORS / np.sqrt(0.26**2 + 0.27**2 + 0.27**2))
    parametrization = Fourier((1, 1, 3), 0, 1)
    sizes = parametrization.images(tf.constant([[[[[1.0, 0], [2, 0], [3, 0]]]]], tf.float64))  # one wave: the mean
    one = 4  # the size of the only wave: the argument of the sigmoid moves by 4, whose slope is 1 / 4
    by_hand = [0.26 + 2 * 0.09 + 3 * 0.02, 0.27 - 3 * 0.05, 0.27 - 2 * 0.09 + 3 * 0.03] / np.sqrt(0.26**2 + 2 * 0.27**2)
    np.testing.assert_allclose(sizes[0, 0, 0], 1 / (1 + np.exp(-one * by_hand)), rtol=1e-6)


@pytest.mark.parametrize("shape", [(7, 7, 3), (8, 10, 3), (9, 6, 1), (6, 5, 2)])
def test_a_constrained_picture_has_exactly_the_given_magnitudes(shape):
    parametrization = constrained(shape)
    parameters = np.random.default_rng(0).standard_normal((2, shape[0], shape[1] // 2 + 1, shape[2], 2))
    parts = (parametrization.unclipped(tf.constant(parameters)).numpy() - parametrization.low) / parametrization.span - 0.5
    spectrum = np.abs(np.fft.rfft2(parts @ np.linalg.inv(color_matrix(shape[-1])).T, axes=(1, 2)))
    given = np.broadcast_to(parametrization.spectrum, spectrum.shape).copy()
    assert (spectrum[:, 0, 0] <= given[:, 0, 0] * (1 + 1e-6)).all()  # the mean color
    spectrum[:, 0, 0] = given[:, 0, 0] = 0
    np.testing.assert_allclose(spectrum, given, rtol=1e-6, atol=1e-9)
    shown, longer = (parametrization.unclipped(tf.constant(length * parameters)).numpy() for length in (1, 3))
    mean_free = [picture - picture.mean(axis=(1, 2), keepdims=True) for picture in (longer, shown)]
    np.testing.assert_allclose(*mean_free, atol=1e-9)  # only phases matter


def test_phases_of_a_picture_of_these_magnitudes_make_that_picture():
    parametrization = constrained((8, 7, 3))
    picture = parametrization.images(tf.constant(np.random.default_rng(0).standard_normal((1, 8, 4, 3, 2)))).numpy()
    again = parametrization.images(tf.constant(parametrization.parameters(picture)))
    np.testing.assert_allclose(again, picture, atol=1e-6)


def test_a_constrained_picture_can_be_gray():
    parametrization = constrained((8, 7, 3))
    parameters = parametrization.parameters(np.full((1, 8, 7, 3), 1.0))
    np.testing.assert_array_equal(parametrization.images(tf.constant(parameters)), np.full((1, 8, 7, 3), 1.0))


def test_the_gradient_reaches_waves_of_clipped_pixels():
    parametrization = constrained((6, 6, 1), strength=5)
    parameters = tf.Variable(np.random.default_rng(0).standard_normal((1, 6, 4, 1, 2)))
    with tf.GradientTape() as tape:
        images = parametrization.images(parameters)
        value = tf.reduce_sum(images**2)
    assert np.isin(images, [-1, 3]).mean() > 0.9
    assert (np.abs(tape.gradient(value, parameters)) > 0).mean() > 0.8
