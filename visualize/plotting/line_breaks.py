"""Lines of text in figures: broken between words, and names shortened between their parts."""

from __future__ import annotations

import re

from visualize.plotting.text import fitted

LEFT_OUT = "\u2026"


def wrapped(text: str, inches: float, size: float) -> list[str]:
    """A text in lines of at most `inches` at a font size in points, broken between words, else between the parts of names.

    A part that is too wide for a line of its own is cut in its middle.
    """
    lines = [""]
    for part in re.findall(r"\s+|[^\s_/]+[_/]*|[_/]+", text):
        if _fits(lines[-1] + part.rstrip(), inches, size):
            lines[-1] += part
        else:
            lines.append(part.lstrip())
    return [fitted(line.rstrip(), inches, size) for line in lines if line.strip()]


def shortened_name(text: str, inches: float, size: float) -> str:
    """A text on one line; if it is too wide, parts in its middle are left out: "block6d_\u2026bn", "a long\u2026name".

    A text whose first part alone is too wide is cut where it must be.
    """
    text = _printable(text)
    if _fits(text, inches, size):
        return text
    parts = re.findall(r"[^\s_/]+[\s_/]*|^[\s_/]+", text)
    for kept in range(len(parts) - 1, 0, -1):
        ahead = (kept + 1) // 2
        shorter = "".join(parts[:ahead]).rstrip() + LEFT_OUT + "".join(parts[len(parts) - (kept - ahead) :])
        if _fits(shorter, inches, size):
            return shorter
    return fitted(text, inches, size)


def _fits(text: str, inches: float, size: float) -> bool:
    return fitted(text, inches, size) == _printable(text)


def _printable(text: str) -> str:
    """The same with a space for each character that cannot be drawn, as `fitted` draws it."""
    return "".join(character if character.isprintable() else " " for character in text)
