"""Text from untrusted files, made safe to print on a terminal and short enough for a message."""

from __future__ import annotations

MAX_LENGTH = 200  # characters of a received value in a message


def printable(text: str) -> str:
    """The same text, with every character that is not printable written as an escape.

    A name out of a file may hold line breaks, the control codes of a terminal, or marks that reverse the direction of writing.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shortened(text: str, most: int = MAX_LENGTH) -> str:
    """A text without its middle if it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-most // 4 :]}"
