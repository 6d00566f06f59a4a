"""Rank correlation, by hand and by another program."""

import numpy as np
import pytest

from visualize.metrics.ranks import rank_correlation


def test_the_correlation_is_spearmans_also_where_pixels_are_equal():
    statistics = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(0)
    maps, others = generator.integers(0, 6, (2, 5, 4, 4)).astype(float)
    expected = [
        statistics.spearmanr(first.ravel(), second.ravel()).statistic for first, second in zip(maps, others, strict=True)
    ]
    np.testing.assert_allclose(rank_correlation(maps, others), expected, rtol=1e-12)


def test_order_alone_matters():
    values = np.random.default_rng(1).random((1, 4, 4))
    assert rank_correlation(values, np.exp(values)) == pytest.approx([1])
    assert rank_correlation(values, -values) == pytest.approx([-1])


def test_a_map_of_one_value_is_like_none_but_itself():
    flat, values = np.ones((1, 4, 4)), np.random.default_rng(1).random((1, 4, 4))
    assert rank_correlation(flat, values) == pytest.approx([0])
    assert rank_correlation(flat, flat) == pytest.approx([1])
