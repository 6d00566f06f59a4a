"""Text in figures: a name is drawn as it is, and breaks no figure."""

import logging
import warnings

import matplotlib as mpl
import pytest

from visualize import Tiles, draw, write_png
from visualize.plotting.text import fitted, wrapped

NAMES = {
    "formula": "$x_1^2$",
    "money": "costs $5",
    "broken formula": r"$\frac{1}{$ and $",
    "underscores": "a_b_c",
    "markup": "<script>alert(1)</script>",
    "braces": r"{\it x} % & # ~",
    "several lines": "one\ntwo\ttab",
    "empty": "",
}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "several lines"])
def test_a_name_is_drawn_as_it_is(with_name, name, tmp_path):
    for result in with_name(NAMES[name]):
        figure = draw(result)
        write_png(figure, tmp_path / "drawn.png")
        assert any(NAMES[name] in text.get_text() for text in figure.findobj(mpl.text.Text))


def test_a_dollar_is_drawn_as_a_dollar(ascent, tmp_path):
    def width(caption):
        tiles = ascent(1)
        figure = draw(Tiles(tiles.pictures, (caption,), False, "maximize", tiles.settings))
        write_png(figure, tmp_path / "drawn.png")
        return next(text for text in figure.texts if text.get_text() == caption).get_window_extent().width

    assert width("$a$") > 2 * width("a")


def test_a_name_of_several_lines_becomes_one(with_name, tmp_path):
    for result in with_name(NAMES["several lines"]):
        figure = draw(result)
        write_png(figure, tmp_path / "drawn.png")
        assert any("one two tab" in text.get_text() for text in figure.findobj(mpl.text.Text))


def test_characters_that_no_font_has_neither_fail_nor_clutter(with_name, tmp_path, caplog, capfd):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        for result in with_name("狗与猫 \U0001f431 кот"):
            write_png(draw(result), tmp_path / "drawn.png")
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_a_long_name_is_cut_in_its_middle_and_stays_in_its_place(with_name, tmp_path):
    name = "a_very_long_name_" * 12 + "end"
    for result in with_name(name):
        figure = draw(result)
        write_png(figure, tmp_path / "drawn.png")
        wide, high = figure.get_size_inches() * figure.dpi
        for text in figure.findobj(mpl.text.Text):
            box = text.get_window_extent()
            if text.get_text():
                assert box.x0 >= -2
                assert box.x1 <= wide + 2, text.get_text()
                assert box.y0 >= -2
                assert box.y1 <= high + 2, text.get_text()
        shown = "".join(text.get_text() for text in figure.findobj(mpl.text.Text))
        assert "a_very" in shown
        assert "end" in shown
        assert "…" in shown


def test_a_text_is_fitted_to_its_width():
    assert fitted("short", 2, 8) == "short"
    assert fitted("x" * 100, 1, 8) == "x" * 7 + "…" + "x" * 7
    assert fitted("中" * 100, 1, 8) == "中" * 3 + "…" + "中" * 3  # twice as wide


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("block_13_expand_relu", "block_13_\u2026relu"),
        ("German short-haired pointer", "German\u2026pointer"),
        ("base/stage/conv.7", "base/\u2026conv.7"),
        ("short", "short"),
        ("Donaudampfschifffahrtsgesellschaft", "Donauda\u2026lschaft"),
    ],
)
def test_words_are_left_out_whole(text, expected):
    room = 16 * 0.6 * 10 / 72  # inches of sixteen characters of ten points
    assert fitted(text, room, 10) == expected
    assert len(fitted(text, room, 10)) <= 16


def test_what_does_not_fit_on_one_line_goes_on_on_the_next():
    room = 16 * 0.6 * 10 / 72
    assert wrapped("Egyptian Mau", room, 10, most=2) == ["Egyptian Mau"]
    assert wrapped("German short-haired pointer", room, 10, most=2) == ["German short-", "haired pointer"]
    assert wrapped("Donaudampfschifffahrtsgesellschaft", room, 10, most=2) == ["Donauda\u2026lschaft"]
    assert wrapped("a rather long portrait of a breed", room, 10, most=2) == ["a rather long", "portrait\u2026a breed"]


INCHES = 12 * 0.6 * 10 / 72  # room for twelve characters at 10 points


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("a few plain words", ["a few plain", "words"]),
        ("block6d_project_conv", ["block6d_", "project_conv"]),
        ("base/block_13_expand", ["base/block_", "13_expand"]),
        ("indivisibleword", ["indiv\u2026eword"]),
        ("gradient: -0.25", ["gradient:", "-0.25"]),
        ("", []),
    ],
)
def test_lines_break_between_words_and_parts_of_names(text, lines):
    assert wrapped(text, INCHES, 10) == lines


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("short_name", "short_name"),
        ("block6d_dw_project_bn", "block6d_\u2026bn"),
        ("a long name of it", "a long\u2026of it"),
        ("indivisibleword", "indiv\u2026eword"),
    ],
)
def test_parts_in_the_middle_of_a_name_are_left_out_first(text, shorter):
    assert fitted(text, INCHES, 10) == shorter


@pytest.mark.parametrize("text", ["block6d_project_conv", "base/block_13_depthwise_relu", "American black bear"])
@pytest.mark.parametrize("characters", range(10, 30))
def test_what_is_kept_are_whole_parts(text, characters):
    inches = characters * 0.6 * 10 / 72
    for part in fitted(text, inches, 10).replace("\u2026", " ").replace("_", " ").replace("/", " ").split():
        assert part in text.replace("_", " ").replace("/", " ").split()
    assert "".join(wrapped(text, inches, 10)).replace(" ", "") == text.replace(" ", "")
