"""No word is cut where a line can be broken, or parts of a name be left out."""

import pytest

from visualize.plotting.line_breaks import shortened_name, wrapped

INCHES = 12 * 0.6 * 10 / 72  # room for twelve characters at 10 points


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("a few plain words", ["a few plain", "words"]),
        ("block6d_project_conv", ["block6d_", "project_conv"]),
        ("base/block_13_expand", ["base/block_", "13_expand"]),
        ("indivisibleword", ["indiv\u2026eword"]),
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
    assert shortened_name(text, INCHES, 10) == shorter


@pytest.mark.parametrize("text", ["block6d_project_conv", "base/block_13_depthwise_relu", "American black bear"])
@pytest.mark.parametrize("characters", range(10, 30))
def test_what_is_kept_are_whole_parts(text, characters):
    inches = characters * 0.6 * 10 / 72
    for part in shortened_name(text, inches, 10).replace("\u2026", " ").replace("_", " ").replace("/", " ").split():
        assert part in text.replace("_", " ").replace("/", " ").split()
    assert "".join(wrapped(text, inches, 10)).replace(" ", "") == text.replace(" ", "")
