"""Lettering: names that people gave, made fit to stand in a figure."""

from __future__ import annotations

import functools
import unicodedata

from matplotlib import font_manager, rcParams
from matplotlib.figure import Figure
from matplotlib.text import Text

from visualize._utils.text import shortened

MOST_LETTERS = 500  # of one text; none of ours has so many
EM = 0.6  # width of a letter, in parts of the font size, about
# Where the letters that matplotlib's own font lacks may be found: Chinese, Japanese, Korean.
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
    """A text on one line, cut in its middle where it is wider than `inches` at a font size in points."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    most = int(inches * 72 / (EM * size))
    if _width(text) <= most:
        return text
    half = max(1, (most - 1) // 2)
    return _start(text, half) + "\u2026" + _start(text[::-1], half)[::-1]


def literal(figure: Figure) -> Figure:
    """Draw each text as it stands: a `$` is no formula; and look for letters that the font lacks in other fonts."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_text(shortened(text.get_text(), MOST_LETTERS))
        if any(ord(letter) > 0x2FF for letter in text.get_text()):
            text.set_fontfamily([*rcParams["font.family"], *_fallbacks()])
    return figure


def _width(text: str) -> int:
    """In letters; Chinese and Japanese ones count twice."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _start(text: str, most: int) -> str:
    text = text[:most]  # no letter is narrower than one
    while _width(text) > most:
        text = text[:-1]
    return text


@functools.cache
def _fallbacks() -> tuple[str, ...]:
    """Those of the fallback fonts that this machine has: matplotlib complains of others."""
    installed = set(font_manager.get_font_names())
    return tuple(name for name in FALLBACKS if name in installed)
