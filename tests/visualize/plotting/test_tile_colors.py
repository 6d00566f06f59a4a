"""Tiles share a scale where that shows all of them; else each has its own, and says so."""

import numpy as np
import pytest

from visualize import Tiles, draw
from visualize.plotting.tile_colors import TileScale, colored, robust_end
from visualize.settings import Display


@pytest.fixture
def maps(features):
    """Features whose maps have these magnitudes."""

    def build(*magnitudes, signed=True, **display):
        pattern = np.linspace(-1 if signed else 0, 1, 16).reshape(1, 4, 4, 1)
        tiles = features(np.array(magnitudes).reshape(-1, 1, 1, 1) * pattern)
        return Tiles(tiles.pictures, tiles.captions, signed, "features", tiles.settings, display=Display(**display))

    return build


def test_maps_of_similar_size_share_one_scale(maps, texts_of):
    tiles = maps(1.0, 0.5, 0.8)
    assert not TileScale.of(tiles).own
    texts = texts_of(draw(tiles))
    assert {"0", "1", "2", "activation"} <= set(texts)  # plain captions


def test_maps_of_different_sizes_have_their_own_scales_and_say_so(maps, texts_of):
    tiles = maps(10.0, 0.1, 0.2, 0.1)
    pictures = colored(tiles, TileScale.of(tiles))
    for picture in pictures:
        np.testing.assert_array_equal(picture, pictures[0])  # the same pattern, whatever its size
    texts = texts_of(draw(tiles))
    assert {"0: \u00b110", "1: \u00b10.1", "2: \u00b10.2"} <= set(texts)
    assert "activation, each tile on its own scale, which ends at the number above it" in texts
    one_sign = texts_of(draw(maps(10.0, 0.1, 0.2, 0.1, signed=False)))
    assert "1: max 0.1" in one_sign


def test_a_shared_scale_can_be_asked_for(maps):
    assert not TileScale.of(maps(10.0, 0.1, 0.2, 0.1, shared_scale=True)).own


def test_rounding_errors_are_not_blown_up(maps, texts_of):
    tiles = maps(10.0, 1.0, 1.0, 1e-7, 0.0)
    assert {"3: nearly 0", "4: zero"} <= set(texts_of(draw(tiles)))
    pictures = colored(tiles, TileScale.of(tiles))
    assert np.ptp(pictures[3].astype(int), axis=(0, 1)).max() <= 1  # but for the rounding to bytes


def test_one_pixel_does_not_blacken_a_map(features, texts_of):
    values = np.full((2, 20, 20, 1), 1.0)
    values[0, 0, 0] = 100.0
    tiles = features(values)
    assert robust_end(values[0]) == 1.0
    assert TileScale.of(tiles).scale.high == 1.0
    assert "activation, clipped at 99.5 %: 1 of max 1e+02" in texts_of(draw(tiles))
    np.testing.assert_array_equal(tiles.pictures, values)


def test_few_values_are_never_clipped():
    assert robust_end(np.array([0.0, -3.0, 1.0])) == 3.0
    assert robust_end(np.array([np.nan, np.inf])) == 0.0
    sparse = np.zeros(1000)
    sparse[0] = 2.0
    assert robust_end(sparse) == 2.0  # a percentile of zero would divide by zero


def test_gray_is_the_zero_of_kernels_over_colors(kernels):
    tiles = kernels(count=2, channels=3)
    tiles.pictures[:] = 0
    tiles.pictures[0, 0, 0, 0] = 2.0
    tiles.pictures[1, 0, 0, 2] = -2.0
    drawn = colored(tiles, TileScale.of(tiles))
    assert drawn[0, 0, 0].tolist() == [255, 128, 128]
    assert drawn[1, 0, 0].tolist() == [128, 128, 0]
