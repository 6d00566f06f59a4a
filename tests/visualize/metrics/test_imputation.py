"""ROAD: imputed pixels against a dense solution of their equations, and curves against a loop over the copies."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import visualize
from visualize import InputError, metrics
from visualize.metrics.imputation import ImputedPixels, impute


def solved(image, removed):
    """The same by a dense matrix: each removed pixel minus the weighted mean of its neighbors is zero."""
    height, width, channels = image.shape
    matrix, right = np.eye(height * width), image.reshape(-1, channels).astype("float64")
    for row, column in np.argwhere(removed):
        pixel = row * width + column
        neighbors = {
            (row + down) * width + column + right_of: 1 / 6 if down * right_of == 0 else 1 / 12
            for down in (-1, 0, 1)
            for right_of in (-1, 0, 1)
            if (down or right_of) and 0 <= row + down < height and 0 <= column + right_of < width
        }
        right[pixel] = 0
        for neighbor, weight in neighbors.items():
            matrix[pixel, neighbor] = -weight / sum(neighbors.values())
    return np.linalg.solve(matrix, right).reshape(image.shape)


@pytest.fixture
def masks():
    """Scattered pixels, a large hole, and all but one corner."""
    removed = np.random.default_rng(0).random((3, 20, 13)) < 0.6
    removed[1] = False
    removed[1, 2:19, 0:9] = True
    removed[2] = True
    removed[2, -1, -1] = False
    return removed


def test_imputed_pixels_solve_their_equations(masks):
    images = np.random.default_rng(1).random((3, 20, 13, 2)).astype("float32")
    imputed = impute(tf.constant(images), tf.constant(masks[..., None])).numpy()
    for image, removed, result in zip(images, masks, imputed, strict=True):
        np.testing.assert_array_equal(result[~removed], image[~removed])
        np.testing.assert_allclose(result, solved(image, removed), atol=2e-3)


def test_a_plane_is_restored():
    rows, columns = np.mgrid[:24, :24].astype("float32")
    plane = (rows + 2 * columns)[None, ..., None] / 70
    removed = np.zeros((1, 24, 24, 1), bool)
    removed[:, 1:-1, 1:-1] = np.random.default_rng(0).random((1, 22, 22, 1)) < 0.8
    np.testing.assert_allclose(impute(tf.constant(plane), tf.constant(removed)), plane, atol=2e-3)


def test_an_image_does_not_depend_on_the_others(masks):
    images = np.random.default_rng(1).random((3, 20, 13, 1)).astype("float32") * [[[[1.0]]], [[[9.0]]], [[[0.1]]]]
    images = tf.constant(images.astype("float32"))
    together = impute(images, tf.constant(masks[..., None])).numpy()
    for index in range(3):
        alone = impute(images[index : index + 1], tf.constant(masks[index : index + 1, ..., None])).numpy()
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("first", ["most", "least"])
def test_the_curve_is_that_of_a_loop_over_the_shares(build, images_for, first):
    model = build("color")
    images = images_for(model)
    result = visualize.saliency(model, images)
    record = metrics.road(model, result, first=first, shares=(0.25, 0.5), noise=0, batch_size=4)
    assert record.larger_is_better == (first == "least")
    np.testing.assert_allclose(record.points, [0.25, 0.5])
    for maps, curves in (
        (result.values, record.curves),
        (metrics.baseline_maps(images)["random pixels"], record.baseline_curves["random pixels"]),
    ):
        for image, values, target, curve in zip(images, maps, result.targets, curves, strict=True):
            order = np.argsort(values.ravel())[:: -1 if first == "most" else 1]
            for count, probability in zip((36, 72), curve, strict=True):
                removed = np.isin(np.arange(144), order[:count]).reshape(12, 12)
                expected = np.asarray(model(solved(image, removed)[None].astype("float32")))[0, target]
                assert abs(probability - expected) < 1e-3
    np.testing.assert_allclose(record.values, record.curves.mean(axis=1))


def test_noise_is_added_to_what_is_imputed_and_to_nothing_else():
    images = tf.constant(np.random.default_rng(0).random((2, 40, 40, 3)).astype("float32"))
    ranks = tf.constant(np.random.default_rng(1).permutation(1600).reshape(1, 1, 40, 40).repeat(2, axis=0).astype("int32"))
    copies = {}
    for noise in (0.0, 0.1):
        count, change = ImputedPixels((400, 900), noise, 0).copies(images, {"metrics/ranks": ranks})
        assert int(count) == 2
        copies[noise] = change(tf.range(2)).numpy()
    difference = copies[0.1] - copies[0.0]
    for copy, pixels in zip(difference, (400, 900), strict=True):
        changed = (copy != 0).any(axis=-1)
        np.testing.assert_array_equal(changed, ranks[:, 0] < pixels)
        spread = images.numpy().max() - images.numpy().min()
        assert abs(copy[changed].std() / (0.1 * spread) - 1) < 0.1
    both = (difference[0] != 0) & (difference[1] != 0)
    assert abs(np.corrcoef(difference[0][both], difference[1][both])[0, 1]) < 0.1


def test_the_noise_of_a_copy_does_not_depend_on_the_batch_size(build, images_for):
    model = build("color")
    result = visualize.saliency(model, images_for(model))
    small, large, other = (
        metrics.road(model, result, noise=0.2, batch_size=size, seed=seed, baselines=())
        for size, seed in ((1, 0), (64, 0), (64, 1))
    )
    np.testing.assert_allclose(small.curves, large.curves, rtol=1e-3)
    assert not np.allclose(other.curves, large.curves, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": "last"}, r"`first` must be 'most' or 'least'"),
        ({"shares": [0.5, 1]}, r"`shares` must be above 0 and below 1. Received: 1"),
        ({"shares": 0.5}, r"`shares` must be a list"),
        ({"noise": -1}, r"`noise` must be at least 0"),
    ],
)
def test_wrong_arguments_are_refused(build, images_for, options, message):
    model = build("color")
    with pytest.raises(InputError, match=message):
        metrics.road(model, visualize.saliency(model, images_for(model)), **options)


def test_only_pictures_can_be_imputed(build, images_for):
    model = build("sequence")
    with pytest.raises(InputError, match="must explain pictures"):
        metrics.road(model, visualize.saliency(model, images_for(model)))


def test_the_order_of_the_least_is_that_of_the_opposite_map(build, images_for):
    model = build("softmax")
    result = visualize.input_times_gradient(model, images_for(model))
    least = metrics.road(model, result, first="least", baselines=())
    most = metrics.road(model, replace(result, values=-result.values), baselines=())
    np.testing.assert_allclose(least.curves, most.curves, rtol=1e-5)
