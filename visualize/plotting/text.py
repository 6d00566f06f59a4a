"""Text in figures: names of layers, classes and files cut to the room they have, and drawn as they are."""

from __future__ import annotations

import functools
import re
import unicodedata

from matplotlib import font_manager, rcParams
from matplotlib.figure import Figure
from matplotlib.text import Text

from visualize._utils.text import shortened
from visualize.results import Attribution, Tiles

MAX_CHARACTERS = 500  # of one text; none of ours has so many
CHARACTER_WIDTH = 0.6  # of the font size, about
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

    Words end at spaces and at the separators of names, as in "block_13_expand" and "base/conv.1". A word that is too wide by
    itself is cut in its middle.
    """
    text = _printable(text)
    room = _room(inches, size)
    if _width(text) <= room:
        return text
    words = re.findall(r"[^\s_/.\-]*[\s_/.\-]*", text)[:-1]
    front, back = 0, len(words)
    while front < back:  # from both ends in turn, as long as there is room
        longer = [(front + 1, back), (front, back - 1)]
        if _width("".join(words[:front])) > _width("".join(words[back:])):
            longer.reverse()
        fits = [ends for ends in longer if _width("".join(words[: ends[0]] + words[ends[1] :])) < room]
        if not fits:
            break
        front, back = fits[0]
    kept = "".join(words[:front]), "".join(words[back:])
    if any(part.strip() for part in kept):
        return f"{kept[0].rstrip()}\u2026{kept[1].lstrip()}"
    half = max(1, (room - 1) // 2)
    return _beginning(text, half) + "\u2026" + _beginning(text[::-1], half)[::-1]


def wrapped(text: str, inches: float, size: float) -> list[str]:
    """A text on one line or, if it is wider than `inches`, on two, the second of which may be shortened."""
    text = _printable(text)
    room = _room(inches, size)
    if _width(text) <= room:
        return [text]
    ends = [match.end() for match in re.finditer(r"[\s_/.\-]+", text) if _width(text[: match.end()].rstrip()) <= room]
    if not ends:
        return [fitted(text, inches, size)]
    return [text[: ends[-1]].rstrip(), fitted(text[ends[-1] :], inches, size)]


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
    return "".join(character if character.isprintable() else " " for character in text)


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
