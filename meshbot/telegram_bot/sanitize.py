"""What strangers write, made fit to stand among the lines of others; pure."""

from __future__ import annotations

import string
from typing import Final

from meshbot.text import legible, one_line, shorten

CONTINUED: Final = "| "  # before every line but the first: none looks as if somebody else had begun it
COLONS: Final = dict.fromkeys(map(ord, ":\uff1a\u2236\ua789"), " ")  # a name ends at the colon behind it
NO_BEGINNING: Final = frozenset(string.punctuation + " ")


def clean_name(name: str, limit: int) -> str:
    """Return the name as one line of at most `limit` bytes without a colon; empty if nothing is left of it.

    It begins with no punctuation: other programs would take `/name: text` or `!name: text` for a command.
    """
    words = one_line(name.translate(COLONS))
    start = next((n for n, char in enumerate(words) if char.isprintable() and char not in NO_BEGINNING), len(words))
    return shorten(words[start:], limit)


def clean_text(text: str) -> str:
    """Return the text without control characters and empty lines; empty if there is nothing to see."""
    lines = (line.strip() for line in legible(text).split("\n"))
    return f"\n{CONTINUED}".join(line for line in lines if any(map(str.isprintable, line)))
