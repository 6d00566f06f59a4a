"""Grids of tiles: each where its caption says, in colors that mean its values."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from visualize import Tiles, draw, write_png


def test_tiles_of_zeros_say_so(kernels, features, texts_of):
    for signed in (kernels(), features(np.zeros((4, 3, 3, 1)))):
        zeros = Tiles(np.zeros_like(signed.pictures), signed.captions, signed.signed, signed.method, signed.settings)
        assert "all zero" in texts_of(draw(zeros))
    colors = kernels(channels=3)
    zeros = Tiles(np.zeros_like(colors.pictures), colors.captions, True, "filters", colors.settings)
    assert "weight: all zero" in texts_of(draw(zeros))


def test_zero_is_white_and_the_strongest_kernel_has_the_full_color(kernels, pixels, tmp_path):
    tiles = Tiles(np.array([[[[0.0]]], [[[2.0]]], [[[-2.0]]]]), ("a", "b", "c"), True, "filters", kernels().settings)
    drawn = pixels(tiles, tmp_path)
    row = drawn[drawn.shape[0] // 2 - 20]
    middles = [row[int(part * drawn.shape[1])] for part in (0.2, 0.5, 0.8)]
    assert middles[0].min() > 240
    assert middles[1][0] > middles[1][2] + 50  # red
    assert middles[2][2] > middles[2][0] + 50  # blue


@pytest.mark.parametrize("size", [(4, 12), (12, 4)])
def test_tiles_and_their_source_keep_their_shape(features, pixels, size, tmp_path):
    drawn = pixels(features(np.ones((1, *size, 1)), source=np.full((*size, 1), 0.5)), tmp_path)[:-70]  # no color bar
    for color in ((128, 128, 128), (252, 254, 164)):  # the source, the tile
        there = (drawn == color).all(axis=-1)
        height, width = (there.sum(axis=1) > 20).sum(), (there.sum(axis=0) > 20).sum()
        assert width / height == pytest.approx(size[1] / size[0], rel=0.05)


def test_each_kernel_is_where_its_caption_says(kernels, tmp_path):
    pictures = np.full((6, 3, 3, 1), 1e-9)
    pictures[4] = 1.0
    tiles = Tiles(pictures, tuple("abcdef"), True, "filters", {**kernels().settings, "columns": 3})
    figure = draw(tiles)
    write_png(figure, tmp_path / "drawn.png")
    drawn = np.asarray(Image.open(tmp_path / "drawn.png").convert("RGB")).astype(int)
    drawn = drawn[: -int(0.62 * 120)]  # without the color bar
    red = np.argwhere((drawn[..., 0] > drawn[..., 2] + 50) & (drawn[..., 0] < 160)).mean(axis=0)
    caption = next(text for text in figure.texts if text.get_text() == "e")
    x, y = caption.get_window_extent().intervalx.mean(), caption.get_window_extent().y0
    height = figure.get_size_inches()[1] * figure.dpi
    assert red[1] == pytest.approx(x, abs=3)
    assert 0 < red[0] - (height - y) < 120


@pytest.mark.slow
def test_thousands_of_tiles_are_drawn_in_a_moment_and_cut_with_a_note(kernels, texts_of):
    many = kernels(count=2048, columns=32)
    started = time.process_time()  # what others do on this machine does not count
    figure = draw(many)
    figure.savefig(io.BytesIO(), format="png")
    assert time.process_time() - started < 5  # axes for each took half a minute
    wide = kernels(count=90 * 70, columns=90)
    assert any("64 of 70 filters and 64 of 90 channels" in text for text in texts_of(draw(wide)))
    assert not any("strongest" in text or "largest" in text for text in texts_of(figure))


def heading(figure):
    return figure.texts[0].get_text()


@pytest.fixture
def of_objectives(ascent):
    def build(*targets, layer=None):
        tiles = ascent(len(targets))
        captions = tuple(f"{target}: 1.5" for target in targets)
        return Tiles(tiles.pictures, captions, False, "maximize", {**tiles.settings, "targets": list(targets), "layer": layer})

    return build


def test_the_heading_of_maximized_inputs_says_what_is_maximized(of_objectives):
    assert heading(draw(of_objectives(0, 1))) == "inputs that maximize each score"
    assert heading(draw(of_objectives(0))) == "input that maximizes the score"
    assert heading(draw(of_objectives(0, 4, layer="conv"))) == "inputs that maximize conv"
    assert heading(draw(of_objectives("cat - dog"))) == "input that maximizes cat - dog"
    assert heading(draw(of_objectives("all of conv", "all of conv"))) == "inputs that maximize all of conv"
    assert heading(draw(of_objectives("cat - dog", 3))) == "inputs that maximize each objective"


def test_a_long_caption_is_set_small_before_it_is_cut(of_objectives):
    long = "score 3 - 0.5 * score 7"
    (text,) = [text for text in draw(of_objectives(long)).texts if text.get_text() == f"{long}: 1.5"]
    assert text.get_fontsize() == 6
    (text,) = [text for text in draw(of_objectives("cat")).texts if text.get_text() == "cat: 1.5"]
    assert text.get_fontsize() == 8


def test_a_caption_of_two_lines_keeps_its_words(of_objectives, texts_of):
    tiles = of_objectives(*range(9))
    names = tuple(f"black-and-white colobus {number}: 13.2" for number in range(9))
    texts = texts_of(draw(Tiles(tiles.pictures, names, False, "maximize", tiles.settings)))
    drawn = [text.replace("\n", " ") for text in texts]
    assert all(name in drawn for name in names)


def test_remarks_are_written_below_in_lines_that_fit(of_objectives, tmp_path):
    remark = (
        "A sentence on what a reader must know of these pictures, which is longer than the figure is wide, twice over: " * 2
    )
    tiles = of_objectives(0, 1)
    with_remark = Tiles(tiles.pictures, tiles.captions, False, "maximize", {**tiles.settings, "remarks": [remark]})
    figure = draw(with_remark)
    write_png(figure, tmp_path / "drawn.png")
    width = figure.get_size_inches()[0] * figure.dpi
    lines = [text for text in figure.texts if text.get_text() and text.get_text() in remark and text.get_ha() == "left"]
    assert " ".join(line.get_text() for line in lines) == remark.strip()
    assert len(lines) > 2
    extents = [text.get_window_extent() for text in figure.texts if text.get_text()]
    assert all(extent.x0 >= 0 and extent.x1 <= width and extent.y0 >= 0 for extent in extents)
    assert not any(one.overlaps(other) for index, one in enumerate(extents) for other in extents[index + 1 :])
    assert draw(tiles).get_size_inches()[1] < figure.get_size_inches()[1]


def test_rows_and_columns_of_a_large_grid_are_numbered(kernels, texts_of):
    texts = texts_of(draw(kernels(count=20 * 13, columns=13)))
    assert {"19", "12"} <= set(texts)
