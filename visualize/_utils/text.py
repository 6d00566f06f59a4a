"""Text from untrusted files, made safe to print on a terminal and short enough for a message."""

from __future__ import annotations

import re

MAX_LENGTH = 200  # characters of a received value in a message


def printable(text: str) -> str:
    """The same text, with every character that is not printable written as an escape.

    A name out of a file may hold line breaks, the control codes of a terminal, or marks that reverse the direction of writing.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shortened(text: str, most: int = MAX_LENGTH) -> str:
    """A text without its middle if it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-most // 4 :]}"


def first_line(error: BaseException) -> str:
    """The type of an error and what it says first, in one line and without the colors of a terminal: "ValueError: ..."."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = (line.strip() for line in text.partition("Arguments received by ")[0].splitlines())
    said = [line for line in lines if line and not line.startswith("Exception encountered when calling ")]
    return ": ".join([type(error).__name__, *(shortened(line, 300) for line in said[:1])])
