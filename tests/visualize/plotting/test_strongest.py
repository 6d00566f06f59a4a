"""Of many tiles the strongest are drawn, by the measure that the figure states; the arrays keep all."""

import json

import numpy as np
import pytest

from visualize import Tiles, draw, features, filters, load
from visualize.plotting import export
from visualize.plotting.strongest import drawn_part
from visualize.settings import Display


@pytest.fixture
def channels(features):
    """100 channels; the strength of each is its number times 37 modulo 101, half of them below zero."""

    def build(most=None, count=100, **values):
        strengths = np.arange(count) * 37 % 101
        maps = (strengths * (-1.0) ** np.arange(count))[:, None, None, None] * np.ones((1, 2, 2, 1))
        tiles = features(maps)
        return Tiles(maps, tiles.captions, True, "features", tiles.settings, display=Display(most=most), **values)

    return build


def test_the_strongest_channels_come_first_and_keep_their_numbers(channels, texts_of):
    order = sorted(range(100), key=lambda number: -(number * 37 % 101))
    drawn = drawn_part(channels(most=5))
    assert [caption.split(":")[0] for caption in drawn.tiles.captions] == [str(number) for number in order[:5]]
    texts = texts_of(draw(channels(most=5)))
    assert "the 5 of 100 channels with the largest mean |activation|, strongest first" in texts
    assert len(drawn_part(channels()).tiles.pictures) == 64


def test_few_channels_are_all_drawn_in_their_order(channels, texts_of):
    drawn = drawn_part(channels(count=64))
    assert drawn.tiles.captions == tuple(map(str, range(64)))
    assert not drawn.left_out
    assert not any("strongest" in text for text in texts_of(draw(channels(count=64))))


def test_what_is_not_drawn_is_kept_and_recorded(channels, build, tmp_path):
    paths = export.write([channels(most=5)], tmp_path, "features", build("softmax"), {}, 0.0)
    record = json.loads(paths[-1].read_text())
    assert record["results"][0]["drawn"].startswith("the 5 of 100 channels")
    (kept,) = load(tmp_path / "features.npz")
    assert len(kept.pictures) == 100
    assert drawn_part(kept).tiles.captions == drawn_part(channels(most=5)).tiles.captions


def test_a_grid_of_kernels_shows_the_largest_filters_and_channels(kernels, texts_of):
    tiles = kernels(count=70 * 90, columns=90)
    norms = np.sqrt((tiles.pictures.reshape(70, 90, -1).astype("float64") ** 2).sum(axis=-1))  # (filters, channels)
    drawn = drawn_part(tiles)
    largest = np.argsort(-np.sqrt((norms**2).sum(axis=1)))[:64]
    assert drawn.rows.tolist() == largest.tolist()
    np.testing.assert_array_equal(drawn.tiles.pictures[64 + 1], tiles.pictures[drawn.rows[1] * 90 + drawn.columns[1]])
    texts = texts_of(draw(tiles))
    assert "the 64 of 70 filters and 64 of 90 channels with the largest norm" in texts
    assert str(largest[0]) in texts


def test_a_channel_of_not_a_number_is_not_the_strongest(features):
    maps = np.ones((70, 2, 2, 1))
    maps[3] = np.nan
    assert "3" not in drawn_part(features(maps)).tiles.captions


def test_most_is_for_the_figure_alone(build, images_for):
    model = build("softmax")
    few, every = features(model, images_for(model), most=2)[0], features(model, images_for(model))[0]
    np.testing.assert_array_equal(few.pictures, every.pictures)
    assert len(drawn_part(few).tiles.pictures) == 2
    assert len(drawn_part(filters(model, most=3)).tiles.pictures) == 3
    drawn = drawn_part(filters(model, layer="conv_2", most=3))
    assert (len(drawn.rows), len(drawn.columns)) == (3, 3)
