"""Whether a map lies in a region: by hand, and expected over random orders of equal pixels."""

import numpy as np
import pytest

import visualize
from visualize import InputError
from visualize.metrics.localization import mass_in_region, pointing_game, rank_in_region, top_k_intersection

BOX = (0, 0, 2, 2)  # of a map of 3 x 3
MAP = np.array([[[9.0, 1, 8], [-5, 2, 0], [0, 0, 0]]])


def test_each_measure_by_hand():
    assert mass_in_region(MAP, BOX) == pytest.approx([(9 + 1 + 2) / 20])  # what is below zero counts as 0
    assert rank_in_region(MAP, BOX) == pytest.approx([3 / 4])  # 9, 8, 2, 1
    assert top_k_intersection(MAP, BOX, k=2) == pytest.approx([1 / 2])
    assert pointing_game(MAP, BOX) == pytest.approx([1])
    assert pointing_game(-MAP, BOX) == pytest.approx([1])
    assert pointing_game(MAP, (1, 1, 2, 2)) == pytest.approx([0])


def test_a_mask_says_the_same_as_its_box():
    mask = np.zeros((3, 3))
    mask[:2, :2] = 0.5
    values = np.random.default_rng(0).standard_normal((4, 3, 3))
    for measure in (mass_in_region, rank_in_region, pointing_game, top_k_intersection):
        np.testing.assert_array_equal(measure(values, mask), measure(values, BOX))
        np.testing.assert_array_equal(measure(values, np.stack([mask] * 4)), measure(values, BOX))


def test_equal_pixels_count_as_in_a_random_order():
    generator = np.random.default_rng(1)
    values = generator.integers(0, 3, (1, 5, 5)).astype(float)  # most pixels have an equal
    noisy = values + 1e-6 * generator.random((4000, 5, 5))  # every order of equal pixels
    for measure in (rank_in_region, pointing_game, top_k_intersection):
        options = {"k": 3} if measure is top_k_intersection else {}
        assert measure(values, BOX, **options)[0] == pytest.approx(measure(noisy, BOX, **options).mean(), abs=0.02)


def test_a_map_without_structure_has_what_chance_gives():
    flat = np.ones((1, 10, 10))
    for measure in (mass_in_region, rank_in_region, pointing_game):
        assert measure(flat, (0, 0, 4, 5)) == pytest.approx([0.2])


def test_no_positive_evidence_is_none_in_the_region():
    assert mass_in_region(-np.ones((1, 3, 3)), BOX) == pytest.approx([0])


def test_an_attribution_is_taken_as_its_values(build, images_for):
    model = build("softmax")
    attribution = visualize.saliency(model, images_for(model))
    np.testing.assert_array_equal(rank_in_region(attribution, BOX), rank_in_region(attribution.values, BOX))


@pytest.mark.parametrize("region", [None, (0, 0, 9, 9), np.zeros((3, 3)), np.ones((2, 2))])
def test_what_is_no_region_is_refused(region):
    with pytest.raises(InputError, match="`region` must"):
        rank_in_region(MAP, region)


def test_a_k_that_is_no_count_is_refused():
    with pytest.raises(InputError, match="`k` must be a whole number from 1"):
        top_k_intersection(MAP, BOX, k=0)
