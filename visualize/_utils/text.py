"""Escaping: text that strangers wrote, made fit to be read on a terminal."""

from __future__ import annotations

import re

MOST = 200  # characters of a received value in a message


def printable(text: str) -> str:
    """The same text, with whatever is no letter, sign or space written as an escape.

    A name out of a file may hold line breaks, the codes that steer a terminal, or marks that turn the direction of writing.
    """
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def shortened(text: str, most: int = MOST) -> str:
    """A text cut in its middle where it is too long for a message."""
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-most // 4 :]}"


def first_line(error: BaseException) -> str:
    """The type of an error and what it says first, in one line and without the colors of a terminal: "ValueError: ..."."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = (line.strip() for line in text.partition("Arguments received by ")[0].splitlines())
    said = [line for line in lines if line and not line.startswith("Exception encountered when calling ")]
    return ": ".join([type(error).__name__, *(shortened(line, 300) for line in said[:1])])
