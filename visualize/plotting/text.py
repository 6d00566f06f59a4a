"""Text in figures: names of layers, classes and files cut to the room they have, and drawn as they are."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

from matplotlib import font_manager, rcParams
from matplotlib.figure import Figure
from matplotlib.text import Text

from visualize._utils.text import shortened
from visualize.results import Attribution, Tiles

MAX_CHARACTERS = 500  # of one text; none of ours has so many
CHARACTER_WIDTH = 0.6  # of the font size, about
LEFT_OUT = "\u2026"
WORD_ENDS = re.compile(r"(?<=[\s_/])(?![\s_/])|(?<=[.\-])(?=[^\W\d_])")  # not within a number such as -0.5
# Fonts with the characters that matplotlib's own font lacks: Chinese, Japanese, Korean.
FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "Arial Unicode MS",
)


def fitted(text: str, inches: float, size: float) -> str:
    """A text on one line; if it is wider than `inches` at a font size in points, words are left out of its middle.

    Words end at spaces and at the separators of names, as in "block_13_expand" and "base/conv.weights". A word that is too
    wide by itself is cut in its middle.
    """
    text = _printable(text)
    room = _room(inches, size)
    if _width(text) <= room:
        return text
    words = _words(text)
    front, back = 0, len(words)  # words are left out between these two
    while front < back:  # from both ends in turn, as long as there is room
        longer = [(front + 1, back), (front, back - 1)]
        if _width("".join(words[:front])) > _width("".join(words[back:])):
            longer.reverse()
        possible = [ends for ends in longer if _width(_without_middle(words, *ends)) <= room]
        if not possible:
            break
        front, back = possible[0]
    shorter = _without_middle(words, front, back)
    if shorter != LEFT_OUT:
        return shorter
    half = max(1, (room - 1) // 2)
    return _beginning(text, half) + LEFT_OUT + _beginning(text[::-1], half)[::-1]


def fits(text: str, inches: float, size: float) -> bool:
    """Whether nothing of a text has to be left out on one line."""
    return _width(_printable(text)) <= _room(inches, size)


def wrapped(text: str, inches: float, size: float, most: int | None = None) -> list[str]:
    """A text in lines of at most `inches` at a font size in points, broken between words and between the parts of names.

    A line that is still too wide, a single word or the last of `most` lines, is shortened as `fitted` does.
    """
    lines: list[str] = []
    for word in _words(_printable(text)):
        if lines and (len(lines) == most or fits((lines[-1] + word).rstrip(), inches, size)):
            lines[-1] += word
        else:
            lines.append(word.lstrip())
    return [fitted(line.rstrip(), inches, size) for line in lines if line.strip()]


def epoch_label(result: Attribution | Tiles) -> str:
    """The epoch of a training that a result belongs to, such as "epoch 3"; "" where none is known."""
    return "" if result.display.epoch is None else f"epoch {result.display.epoch}"


def make_literal(figure: Figure) -> None:
    """Have each text of a figure drawn as it is: `$` starts no formula, and other fonts supply what the default font lacks."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_text(shortened(text.get_text(), MAX_CHARACTERS))
        if any(ord(character) > 0x2FF for character in text.get_text()):
            text.set_fontfamily([*rcParams["font.family"], *_installed_fallbacks()])


def _printable(text: str) -> str:
    """The same with a space for each character that cannot be drawn."""
    return "".join(character if character.isprintable() else " " for character in text)


def _words(text: str) -> list[str]:
    """The words of a text and the parts of its names, each with the separators behind it."""
    return WORD_ENDS.split(text)


def _without_middle(words: Sequence[str], front: int, back: int) -> str:
    """The words before `front` and from `back` on, with a mark between them."""
    return "".join(words[:front]).rstrip() + LEFT_OUT + "".join(words[back:]).lstrip()


def _room(inches: float, size: float) -> int:
    """How many characters fit."""
    return int(min(inches, 1000.0) * 72 / (CHARACTER_WIDTH * size))


def _width(text: str) -> int:
    """In characters; Chinese and Japanese ones count twice."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _beginning(text: str, room: int) -> str:
    """As much of the beginning of a text as is at most `room` characters wide."""
    text = text[:room]  # none is narrower than one
    while _width(text) > room:
        text = text[:-1]
    return text


@functools.cache
def _installed_fallbacks() -> tuple[str, ...]:
    """The fallback fonts of this machine: matplotlib warns of others."""
    installed = set(font_manager.get_font_names())
    return tuple(name for name in FALLBACKS if name in installed)
