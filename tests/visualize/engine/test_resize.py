"""Resizing along one, two and three axes."""

import numpy as np
import pytest
import tensorflow as tf

from visualize.engine.resize import resize


def along(values, axis, length):
    """Linear interpolation between the centers of pixels along one axis, the ends held."""
    before = values.shape[axis]
    places = (np.arange(length) + 0.5) * before / length - 0.5
    return np.apply_along_axis(lambda line: np.interp(places, np.arange(before), line), axis, values)


@pytest.mark.parametrize(("places", "size"), [((4,), (9,)), ((4, 3), (7, 9)), ((3, 4, 2), (5, 6, 7)), ((2, 2, 2), (2, 4, 2))])
def test_values_are_interpolated_between_the_centers_of_pixels(places, size):
    values = np.random.default_rng(0).random((2, *places, 3)).astype("float32")
    expected = values
    for axis, length in enumerate(size, 1):
        expected = along(expected, axis, length)
    np.testing.assert_allclose(np.asarray(resize(tf.constant(values), size)), expected, atol=1e-5)


def test_fewer_places_are_means_where_antialias_is_asked():
    values = np.arange(8, dtype="float32").reshape(1, 8, 1)
    picked = np.asarray(resize(tf.constant(values), (2,)))[0, :, 0]
    averaged = np.asarray(resize(tf.constant(values), (2,), antialias=True))[0, :, 0]
    np.testing.assert_allclose(picked, [1.5, 5.5])
    assert averaged[0] > picked[0]  # each hat of twice the width takes in what lies beyond, and the border cuts it off
    np.testing.assert_allclose(averaged.sum(), picked.sum(), rtol=1e-5)


def test_the_same_size_is_the_same_tensor():
    values = tf.zeros([1, 3, 4, 2])
    assert resize(values, (3, 4)) is values
