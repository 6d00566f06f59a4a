"""Transforms: where a pixel goes, and that its gradient comes back the same way."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from visualize.feature_visualization.transforms import draw_transforms, identity_transform, transform


def sampled(image, angle, factor):
    """Bilinear sampling, pixel by pixel; beyond the border the picture again."""
    height, width, _ = image.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = np.zeros_like(image)
    for row, column in itertools.product(range(height), range(width)):
        y, x = turn @ (np.array([row, column]) - middle) / factor + middle
        for near_y, near_x in itertools.product((np.floor(y), np.floor(y) + 1), (np.floor(x), np.floor(x) + 1)):
            weight = (1 - abs(y - near_y)) * (1 - abs(x - near_x))
            found[row, column] += weight * image[int(near_y) % height, int(near_x) % width]
    return found


def images_of(shape, count=2):
    return np.random.default_rng(0).standard_normal((count, *shape))


@pytest.mark.parametrize("shape", [(5, 4, 1), (4, 7, 3)])
@pytest.mark.parametrize(("angle", "factor"), [(0.3, 1.0), (-1.2, 0.6), (0.0, 1.7), (2.5, 1.1)])
def test_images_are_turned_and_scaled_about_their_center(shape, angle, factor):
    images = images_of(shape)
    found = transform(tf.constant(images), tf.constant([0, 0]), tf.constant([angle, factor], tf.float32))
    np.testing.assert_allclose(found, [sampled(image, angle, factor) for image in images], atol=1e-5)


def test_a_quarter_turn_is_a_quarter_turn():
    images = images_of((5, 5, 2))
    found = transform(tf.constant(images), tf.constant([0, 0]), tf.constant([np.pi / 2, 1], tf.float32))
    np.testing.assert_allclose(found, np.rot90(images, axes=(1, 2)), atol=1e-5)


def test_no_move_leaves_every_pixel_as_it_is():
    images = images_of((6, 5, 3)).astype("float32")
    still = identity_transform(draw_transforms(3, 2, 5.0, (0.9, 1.1), 0))
    np.testing.assert_array_equal(transform(tf.constant(images), still["shifts"][0], still["warps"][0]), images)


def test_the_gradient_comes_back_by_the_transposed():
    images, weights = images_of((4, 5, 2)).astype("float32"), images_of((4, 5, 2), 3)[1:].astype("float32")
    shift, warp = tf.constant([1, -2]), tf.constant([0.4, 1.3])
    variable = tf.Variable(images)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(transform(variable, shift, warp) * weights)
    gradient = tape.gradient(value, variable)
    for row, column in itertools.product(range(4), range(5)):
        one = np.zeros((1, 4, 5, 1), "float32")
        one[0, row, column] = 1
        there = transform(tf.constant(one), shift, warp)
        np.testing.assert_allclose(gradient[:, row, column], tf.reduce_sum(there * weights, axis=[1, 2]), atol=1e-5)


def test_transforms_are_within_what_was_asked_and_by_the_seed():
    transforms = draw_transforms(500, 2, 10.0, (0.8, 1.5), 3)
    assert set(transforms["shifts"].ravel()) == {-2, -1, 0, 1, 2}
    angles, factors = transforms["warps"].T
    assert 9 < np.degrees(angles).max() <= 10
    assert -10 <= np.degrees(angles).min() < -9
    assert 0.8 <= factors.min() < 0.85
    assert 1.45 < factors.max() <= 1.5
    again, other = draw_transforms(500, 2, 10.0, (0.8, 1.5), 3), draw_transforms(500, 2, 10.0, (0.8, 1.5), 4)
    for name, each in transforms.items():
        np.testing.assert_array_equal(again[name], each)
        assert not np.array_equal(other[name], each)


def test_what_is_not_asked_for_is_left_out():
    plain = draw_transforms(5, 2, 0.0, (1.0, 1.0), 3)
    assert set(plain) == set(identity_transform(plain)) == {"shifts"}
    np.testing.assert_array_equal(draw_transforms(5, 2, 0.0, (1.0, 1.1), 3)["shifts"], plain["shifts"])
