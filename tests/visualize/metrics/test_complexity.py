"""Over how many pixels a map spreads: by hand, and by definition."""

import numpy as np
import pytest

from visualize import InputError
from visualize.metrics.complexity import effective_area, entropy, gini

EQUAL, SINGLE = np.full((1, 4, 5), -2.0), np.eye(20)[3].reshape(1, 4, 5)


@pytest.fixture
def maps():
    return np.random.default_rng(0).standard_normal((3, 6, 7))


def test_a_map_of_equal_pixels_is_the_most_complex_and_a_single_pixel_the_least():
    assert entropy(EQUAL) == pytest.approx([np.log(20)])
    assert entropy(SINGLE) == pytest.approx([0])
    assert gini(EQUAL) == pytest.approx([0], abs=1e-12)
    assert gini(SINGLE) == pytest.approx([1 - 1 / 20])
    assert effective_area(EQUAL, mass=0.5) == pytest.approx([0.5])
    assert effective_area(SINGLE) == pytest.approx([1 / 20])


def test_a_map_of_zeros_is_one_of_equal_pixels():
    for measure in (entropy, gini, effective_area):
        np.testing.assert_array_equal(measure(np.zeros((1, 4, 5))), measure(EQUAL))


def test_two_pixels_by_hand():
    values = np.zeros((1, 2, 2))
    values[0, 0] = 1, -3  # shares of 1/4 and 3/4
    assert entropy(values) == pytest.approx([-(0.25 * np.log(0.25) + 0.75 * np.log(0.75))])
    assert gini(values) == pytest.approx([1 - 2 * (0.25 * 1.5 / 4 + 0.75 * 0.5 / 4)])
    assert effective_area(values, mass=0.75) == pytest.approx([0.25])
    assert effective_area(values, mass=0.76) == pytest.approx([0.5])


def test_the_gini_index_is_half_the_mean_difference_of_all_pairs(maps):
    for values, index in zip(np.abs(maps).reshape(3, -1), gini(maps), strict=True):
        differences = np.abs(values[:, None] - values[None])
        assert index == pytest.approx(differences.mean() / (2 * values.mean()))


def test_neither_scale_nor_sign_nor_order_matters(maps):
    changed = -1e300 * maps.reshape(3, 7, 6)
    for measure in (entropy, gini, effective_area):
        np.testing.assert_allclose(measure(changed), measure(maps), rtol=1e-9)


@pytest.mark.parametrize("values", [np.ones(3), np.full((1, 2, 2), np.nan), "map", np.ones((0, 2, 2))])
def test_what_is_no_map_is_refused(values):
    with pytest.raises(InputError, match="`attribution` must be an Attribution, or finite numbers"):
        entropy(values)


@pytest.mark.parametrize("mass", [0, 1.5, "half"])
def test_a_mass_that_is_no_share_is_refused(maps, mass):
    with pytest.raises(InputError, match="`mass` must be"):
        effective_area(maps, mass=mass)
