"""Statistics of maps, by hand."""

import numpy as np
import pytest

from visualize.bulk.statistics import map_statistics


def test_an_even_map_is_spread_as_widely_as_can_be():
    found = map_statistics(np.full((1, 20, 10), -3.0, "float32"))
    assert found["half_area"] == pytest.approx(0.5)
    assert found["entropy"] == pytest.approx(1, abs=1e-5)
    assert (found["center_row"], found["center_column"]) == (pytest.approx(0.5), pytest.approx(0.5))
    assert found["border"] == pytest.approx(1 - 0.8 * 0.8, abs=1e-5)


def test_a_single_point_is_where_it_is():
    maps = np.zeros((1, 10, 20), "float32")
    maps[0, 2, 15] = 7
    found = map_statistics(maps)
    assert found["half_area"] == pytest.approx(1 / 200)
    assert found["entropy"] == 0
    assert (found["center_row"], found["center_column"]) == (pytest.approx(0.25), pytest.approx(15.5 / 20))
    assert found["border"] == pytest.approx(0, abs=1e-6)


def test_four_corners_hold_their_mass_at_the_border():
    maps = np.zeros((1, 8, 8), "float32")
    maps[0, [0, 0, 7, 7], [0, 7, 0, 7]] = [1, -1, 1, -1]
    found = map_statistics(maps)
    assert found["half_area"] == pytest.approx(2 / 64)
    assert found["entropy"] == pytest.approx(np.log(4) / np.log(64), abs=1e-6)
    assert found["border"] == pytest.approx(1)


def test_an_empty_map_and_one_that_is_not_finite_have_no_statistics():
    maps = np.ones((3, 4, 4), "float32")
    maps[0], maps[1, 0, 0] = 0, np.nan
    for values in map_statistics(maps).values():
        assert np.isnan(values).tolist() == [True, True, False]


def test_a_scale_changes_nothing_and_maps_do_not_mix():
    maps = np.random.default_rng(0).standard_normal((5, 9, 7)).astype("float32")
    alone = [map_statistics(1e-6 * maps[row : row + 1]) for row in range(5)]
    for name, values in map_statistics(maps).items():
        np.testing.assert_allclose(values, np.concatenate([each[name] for each in alone]), rtol=1e-5)
