"""What strangers write, made fit to stand among the lines of others; pure."""

from __future__ import annotations

import string
import unicodedata
from typing import Final

from mesh_link.text import shorten

CONTINUED: Final = "| "  # before every line but the first: none looks as if somebody else had begun it
COLONS: Final = dict.fromkeys(map(ord, ":\uff1a\u2236\ua789"), " ")  # a name ends at the colon behind it
NO_BEGINNING: Final = frozenset(string.punctuation + " ")
JOINERS: Final = frozenset("\u200c\u200d")  # hold emoji and some scripts together
TAGS: Final = range(0xE0020, 0xE0080)  # the letters in a flag's emoji


def clean_name(name: str, limit: int) -> str:
    """Return the name as one line of at most `limit` bytes without a colon; empty if nothing is left of it.

    It begins with no punctuation: other programs would take `/name: text` or `!name: text` for a command.
    """
    words = " ".join(_visible(name).translate(COLONS).split())
    start = next((n for n, char in enumerate(words) if char.isprintable() and char not in NO_BEGINNING), len(words))
    return shorten(words[start:], limit)


def clean_text(text: str) -> str:
    """Return the text without control characters and empty lines; empty if there is nothing to see."""
    lines = (line.strip() for line in _visible(text).split("\n"))
    return f"\n{CONTINUED}".join(line for line in lines if any(map(str.isprintable, line)))


def _visible(text: str) -> str:
    """Return the text with every kind of line break as a newline, tabs as spaces, and no other control character."""
    lines = "\n".join(text.encode(errors="replace").decode().splitlines()).replace("\t", " ")
    return "".join(char for char in lines if char == "\n" or not _is_control(char))


def _is_control(char: str) -> bool:
    """Whether the character is not shown, or turns the direction of the others."""
    kept = char in JOINERS or ord(char) in TAGS
    return not kept and unicodedata.category(char) in {"Cc", "Cf"}
