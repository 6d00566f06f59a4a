"""Text in figures: names of layers, classes and files cut to the room they have, and drawn as they are."""

from __future__ import annotations

import functools
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
    """A text on one line, cut in its middle if it is wider than `inches` at a font size in points."""
    text = "".join(character if character.isprintable() else " " for character in text)
    room = int(inches * 72 / (CHARACTER_WIDTH * size))
    if _width(text) <= room:
        return text
    half = max(1, (room - 1) // 2)
    return _beginning(text, half) + "\u2026" + _beginning(text[::-1], half)[::-1]


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
