"""Transforms: where a pixel goes, and that its gradient comes back the same way."""

import itertools

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from visualize.feature_visualization.transforms import TransformRanges, identity_transform, transform


def moved(images, shift=(0, 0), warp=None):
    """One step, by its shift and its warp: the angle, the factor and the center."""
    transforms = {"shifts": tf.constant(shift)}
    if warp is not None:
        transforms["warps"] = tf.constant(warp, tf.float32)
    return transform(tf.constant(images), transforms, 1.0)


def sampled(image, angle, factor, center=(0, 0)):
    """Bilinear sampling, pixel by pixel; beyond the border the picture again."""
    height, width, _ = image.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = np.zeros_like(image)
    for row, column in itertools.product(range(height), range(width)):
        y, x = turn @ (np.array([row, column]) - middle) / factor + middle + center
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
    found = moved(images, warp=[angle, factor, 0, 0])
    np.testing.assert_allclose(found, [sampled(image, angle, factor) for image in images], atol=1e-5)


def test_a_part_of_an_image_is_enlarged():
    images = images_of((6, 8, 2))
    found = moved(images, warp=[0.2, 2, 1.25, -1.5])
    np.testing.assert_allclose(found, [sampled(image, 0.2, 2, (1.25, -1.5)) for image in images], atol=1e-5)


def test_a_crop_is_that_of_scipy():
    images = images_of((9, 9, 1))
    found = moved(images, warp=[0, 2, 1, -1])
    rows, columns = np.meshgrid((np.arange(9) - 4) / 2 + 5, (np.arange(9) - 4) / 2 + 3, indexing="ij")
    for picture, shown in zip(images, found, strict=True):
        oracle = scipy.ndimage.map_coordinates(picture[..., 0], [rows, columns], order=1, mode="grid-wrap")
        np.testing.assert_allclose(shown[..., 0], oracle, atol=1e-5)


def test_a_quarter_turn_is_a_quarter_turn():
    images = images_of((5, 5, 2))
    np.testing.assert_allclose(moved(images, warp=[np.pi / 2, 1, 0, 0]), np.rot90(images, axes=(1, 2)), atol=1e-5)


def test_a_shift_goes_around_the_border():
    images = images_of((5, 4, 2))
    np.testing.assert_array_equal(moved(images, shift=(2, -1)), np.roll(images, (2, -1), axis=(1, 2)))


def test_no_move_leaves_every_pixel_as_it_is():
    images = images_of((6, 5, 3)).astype("float32")
    still = identity_transform(TransformRanges(2, 5.0, (0.9, 1.1), 0.3).names)
    np.testing.assert_array_equal(
        transform(tf.constant(images), {name: array[0] for name, array in still.items()}, 2.0), images
    )


def test_noise_is_the_same_for_all_images_and_a_part_of_the_range():
    images = images_of((40, 50, 3), 3).astype("float32")
    transforms = {"shifts": tf.constant([0, 0]), "noises": tf.constant(0.2), "noise_seeds": tf.constant([3, 4])}
    noise = (transform(tf.constant(images), transforms, 10.0) - images).numpy()
    assert noise.std() == pytest.approx(2, rel=0.05)
    np.testing.assert_allclose(noise[1], noise[0], atol=1e-5)
    np.testing.assert_array_equal(transform(tf.constant(images), transforms, 10.0) - images, noise)
    other = {**transforms, "noise_seeds": tf.constant([3, 5])}
    assert abs(np.corrcoef((transform(tf.constant(images), other, 10.0) - images).numpy().ravel(), noise.ravel())[0, 1]) < 0.05


def test_the_gradient_comes_back_by_the_transposed():
    images, weights = images_of((4, 5, 2)).astype("float32"), images_of((4, 5, 2), 3)[1:].astype("float32")
    shift, warp = [1, -2], [0.4, 1.3, 0.3, -0.6]
    variable = tf.Variable(images)
    with tf.GradientTape() as tape:
        transforms = {"shifts": tf.constant(shift), "warps": tf.constant(warp)}
        value = tf.reduce_sum(transform(variable, transforms, 1.0) * weights)
    gradient = tape.gradient(value, variable)
    for row, column in itertools.product(range(4), range(5)):
        one = np.zeros((1, 4, 5, 1), "float32")
        one[0, row, column] = 1
        there = moved(one, shift, warp)
        np.testing.assert_allclose(gradient[:, row, column], tf.reduce_sum(there * weights, axis=[1, 2]), atol=1e-5)


def test_transforms_are_within_what_was_asked_and_by_the_seed():
    ranges = TransformRanges(2, 10.0, (0.8, 1.5), 0.1)
    transforms = ranges.draw(500, (30, 60), 3)
    assert set(transforms) == set(ranges.names)
    assert set(transforms["shifts"].ravel()) == {-2, -1, 0, 1, 2}
    angles, factors, down, right = transforms["warps"].T
    assert 9 < np.degrees(angles).max() <= 10
    assert -10 <= np.degrees(angles).min() < -9
    assert 0.8 <= factors.min() < 0.85
    assert 1.45 < factors.max() <= 1.5
    assert np.median(factors) == pytest.approx(np.sqrt(0.8 * 1.5), rel=0.03)
    for centers, length in ((down, 30), (right, 60)):  # what is shown ends within the image
        room = np.maximum(0, length - length / factors) / 2
        assert (np.abs(centers) <= room + 1e-4).all()
        assert (np.abs(centers) > 0.8 * room).mean() > 0.1
    again, other = ranges.draw(500, (30, 60), 3), ranges.draw(500, (30, 60), 4)
    for name, each in transforms.items():
        np.testing.assert_array_equal(again[name], each)
        assert name == "noises" or not np.array_equal(other[name], each)


def test_what_is_not_asked_for_is_left_out():
    plain = TransformRanges(2, 0.0, (1.0, 1.0), 0.0).draw(5, (4, 4), 3)
    assert set(plain) == set(identity_transform(plain)) == {"shifts"}
    moving = TransformRanges(2, 0.0, (1.0, 1.1), 0.0).draw(5, (4, 4), 3)
    np.testing.assert_array_equal(moving["shifts"], plain["shifts"])
