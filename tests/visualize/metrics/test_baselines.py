"""Maps that know nothing of the model, and the order of pixels."""

import numpy as np
import pytest
from skimage.filters import sobel

from visualize.metrics.baselines import BASELINES, baseline_maps, ranks_of


@pytest.fixture
def images():
    return np.random.default_rng(2).random((3, 14, 21, 3)).astype("float32")


def test_edges_are_those_of_scikit_image(images):
    for image, edges in zip(images, baseline_maps(images, ["edges"])["edges"], strict=True):
        np.testing.assert_allclose(edges, sobel(image.mean(axis=-1)), rtol=1e-5, atol=1e-7)


def test_blocks_are_constant_and_pixels_are_not(images):
    maps = baseline_maps(images)
    blocks = maps["random blocks"]
    np.testing.assert_array_equal(blocks, np.kron(blocks[:, ::2, ::2], np.ones((1, 2, 2)))[:, :14, :21])
    assert len(np.unique(blocks[0])) == 7 * 11
    assert len(np.unique(maps["random pixels"])) == 3 * 14 * 21


def test_the_center_is_highest_and_the_corners_are_lowest(images):
    closeness = baseline_maps(images, ["distance to the center"])["distance to the center"][0]
    assert {tuple(place) for place in np.argwhere(closeness == closeness.max())} == {(6, 10), (7, 10)}
    np.testing.assert_allclose(closeness, closeness[::-1, ::-1])
    assert closeness.min() == closeness[0, 0]


def test_the_chance_of_an_image_depends_on_it_and_on_the_seed_alone(images):
    together, alone, other = baseline_maps(images), baseline_maps(images[1:2]), baseline_maps(images, seed=1)
    for name in BASELINES:
        np.testing.assert_array_equal(together[name][1], alone[name][0])
    for name in BASELINES[:2]:
        assert not np.array_equal(together[name], other[name])
        assert not np.array_equal(together[name][0], together[name][1])


def test_sequences_and_volumes_have_baselines_too():
    for size in ((12,), (6, 5, 4)):
        images = np.random.default_rng(0).random((2, *size, 1))
        for maps in baseline_maps(images).values():
            assert maps.shape == (2, *size)
            assert np.isfinite(maps).all()


def test_ranks_are_those_of_the_sorted_values_and_ties_have_no_side(images):
    values = np.random.default_rng(0).integers(0, 5, images.shape[:-1])
    for value, rank in zip(values, ranks_of(values, images), strict=True):
        np.testing.assert_array_equal(value.ravel()[np.argsort(rank.ravel())], np.sort(value.ravel())[::-1])
    rows = np.mean([ranks_of(np.zeros((1, 14, 21)), images[:1], seed)[0] for seed in range(300)], axis=(0, 2))
    assert np.abs(rows - (14 * 21 - 1) / 2).max() < 15
