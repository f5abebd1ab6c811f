"""Cutting texts to the size of packets, and removing control characters; pure."""

from __future__ import annotations

import unicodedata
from typing import Final

# Hold emoji and some scripts together
JOINERS: Final = frozenset("\u200c\u200d")
# The letters in a flag's emoji
TAGS: Final = range(0xE0020, 0xE0080)
# Bytes; leaves room for a character (4 bytes) behind `(1/N) ` with an N of 12 digits
MIN_LIMIT = 32


def split_text(text: str, limit: int) -> list[str]:
    """Return `text` as parts of at most `limit` bytes of UTF-8, numbered `(1/3) ` when there are several.

    Parts are cut at a line's or word's end where one is near, else between two characters, never within one.
    Without the numbering the parts join to the same text; what UTF-8 cannot carry (half a surrogate pair) is a `?`.
    """
    if limit < MIN_LIMIT:
        raise ValueError(f"limit must be at least {MIN_LIMIT} bytes, not {limit}")
    text = text.encode(errors="replace").decode()
    if len(text.encode()) <= limit:
        return [text]
    count = 2
    while True:
        room = limit - len(f"({count}/{count}) ")
        parts = _cut(text, room)
        if len(f"{len(parts)}") <= len(f"{count}"):
            return [f"({n}/{len(parts)}) {part}" for n, part in enumerate(parts, 1)]
        count = len(parts)


def shorten(text: str, limit: int) -> str:
    """Return `text` if it has at most `limit` bytes of UTF-8, else its beginning with `…`; the limit is at least 3."""
    text = text.encode(errors="replace").decode()
    if len(text.encode()) <= limit:
        return text
    part = text.encode()[: limit - len("…".encode())].decode(errors="ignore")
    return part[: _break_point(part)].rstrip() + "…"


def clipped(text: str, limit: int) -> str:
    """Return what `shorten` does, cut at a character: two names often differ only at their end."""
    text = text.encode(errors="replace").decode()
    if len(text.encode()) <= limit:
        return text
    return text.encode()[: limit - len("…".encode())].decode(errors="ignore").rstrip() + "…"


def legible(text: str) -> str:
    """Return the text with every kind of line break as a newline, tabs as spaces, and no other control character."""
    lines = "\n".join(text.encode(errors="replace").decode().splitlines()).replace("\t", " ")
    return "".join(char for char in lines if char == "\n" or not _is_control(char))


def one_line(text: str) -> str:
    """Return the legible text as one line, one space between two words; empty if nothing in it is visible."""
    line = " ".join(legible(text).split())
    return line if any(map(str.isprintable, line)) else ""


def _is_control(char: str) -> bool:
    """Whether the character is not shown, or turns the direction of the others."""
    kept = char in JOINERS or ord(char) in TAGS
    return not kept and unicodedata.category(char) in {"Cc", "Cf"}


def _cut(text: str, room: int) -> list[str]:
    parts = []
    while text:
        part = text.encode()[:room].decode(errors="ignore")
        if len(part) < len(text):
            part = part[: _break_point(part)]
        parts.append(part)
        text = text[len(part) :]
    return parts


def _break_point(part: str) -> int:
    """Return where to end a full part: after its last newline or space if that keeps at least half of it."""
    for mark in ("\n", " "):
        end = part.rfind(mark) + 1
        if end > len(part) // 2:
            return end
    return len(part)
