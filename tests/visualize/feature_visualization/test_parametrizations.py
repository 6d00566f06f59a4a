"""Parametrizations: from parameters to an image, and back."""

import numpy as np
import pytest
import tensorflow as tf

from visualize.feature_visualization.parametrizations import COLORS, MARGIN, PARAMETRIZATIONS, Fourier

SHAPES = [(6, 5, 1), (7, 7, 3), (8, 10, 3), (5, 4, 2), (1, 3, 1)]


def waves(parametrization, parameters):
    """What the sigmoid gets."""
    parts = (parametrization.images(tf.constant(parameters)).numpy() - parametrization.low) / parametrization.span
    return np.log(parts / (1 - parts))


def zeros(shape):
    return np.zeros((1, shape[0], shape[1] // 2 + 1, shape[2], 2))


@pytest.mark.parametrize("parametrized_by", PARAMETRIZATIONS.values(), ids=PARAMETRIZATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_parameters_of_an_image_make_that_image(parametrized_by, shape):
    images = np.random.default_rng(0).uniform(-1.5, 2.5, (2, *shape))
    parametrization = parametrized_by(shape, -2, 3)
    made = parametrization.images(tf.constant(parametrization.parameters(images)))
    np.testing.assert_allclose(made, images, atol=1e-9)


@pytest.mark.parametrize("parametrized_by", PARAMETRIZATIONS.values(), ids=PARAMETRIZATIONS)
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
def test_along_the_gradient_each_wave_moves_by_one_over_its_frequency(shape):
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
        tall[vertical, across] = size**2 * frequency  # a step along the gradient, which is `size`, makes `size` of it
    np.testing.assert_allclose(list(tall.values()), tall[0, 1], rtol=1e-6)


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 7, 1), (64, 33, 1)])
def test_a_step_moves_a_pixel_by_about_as_much_as_one_of_its_own_would(shape):
    parametrization = Fourier(shape, 0, 1)
    signs = np.random.default_rng(0).choice([-0.001, 0.001], (200, *zeros(shape).shape[1:]))
    moved = parametrization.images(tf.constant(signs)).numpy() - 0.5
    assert np.sqrt((moved**2).mean()) == pytest.approx(0.001, rel=0.15)


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
