"""Cutting texts to the size of packets, removing what cannot be seen, and folding for comparison; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

# Hold emoji and some scripts together, and only there: none of these has Latin letters
JOINERS: Final = frozenset("\u200c\u200d")
LATIN_END: Final = "\u02ff"
# The letters in a flag's emoji, behind a black flag; the last one ends it
TAGS: Final = range(0xE0020, 0xE0080)
FLAG, LAST_TAG = "\U0001f3f4", "\U000e007f"
# Choose the look of the character before: emoji or text, and rare ideographs
LOOKS: Final = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
WITH_LOOK: Final = frozenset("0123456789#*©®")
# Letters and symbols of Unicode that show as a space, and those that show as nothing
SPACES: Final = frozenset("\u2800\u3164\uffa0")
FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f")
# As str.splitlines knows them
LINE_BREAK: Final = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
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
    """Return the text with every kind of line break as a newline, tabs as spaces, and nothing else invisible.

    All that comes in or goes out passes here, so what was legible stays as it is.
    """
    lines = LINE_BREAK.sub("\n", text.encode(errors="replace").decode())
    if lines.isascii() and lines.replace("\n", "").isprintable():
        return lines
    shown = [_shown(char) for char in lines]
    return "".join(_without_stray_modifiers([char for char in shown if char]))


def one_line(text: str) -> str:
    """Return the legible text as one line, one space between two words; empty if nothing in it is visible."""
    line = " ".join(legible(text).split())
    return line if any(map(_is_visible, line)) else ""


def folded(text: str) -> str:
    """Return `text` as names and words are compared: without case, accents, or anything invisible."""
    text = text.casefold()
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(" " if char.isspace() else char for char in map(_shown, decomposed))
    marked = "".join(char for char in kept if not (char in JOINERS or char in LOOKS or ord(char) in TAGS))
    plain = "".join(char for char in marked if unicodedata.category(char) != "Mn")
    return " ".join(plain.split()) or marked.strip()


def _shown(char: str) -> str:
    """Return what is left of a character: nothing if it is invisible or turns the direction of the others."""
    if char in SPACES or char == "\t":
        return " "
    if char == "\n" or char in JOINERS or ord(char) in TAGS:
        return char
    return "" if char in FILLERS or unicodedata.category(char) in {"Cc", "Cf"} else char


def _without_stray_modifiers(chars: list[str]) -> Iterator[str]:
    """Leave out joiners, tags and look selectors where they do nothing but hide."""
    before = ""
    for char, after in zip_longest(chars, chars[1:], fillvalue=""):
        if _belongs(before, char, after):
            yield char
            before = char


def _belongs(before: str, char: str, after: str) -> bool:
    if char in JOINERS:
        return _joins(before) and _joins(after) and not (after in LOOKS or ord(after) in TAGS)
    if ord(char) in TAGS:
        return before == FLAG or (before not in {LAST_TAG, ""} and ord(before) in TAGS)
    if char in LOOKS:
        return before in WITH_LOOK or (before > LATIN_END and before not in LOOKS and before not in JOINERS)
    return True


def _joins(char: str) -> bool:
    return char > LATIN_END and char not in JOINERS and not char.isspace()


def _is_visible(char: str) -> bool:
    return char.isprintable() and not char.isspace() and unicodedata.category(char) not in {"Mn", "Me", "Cf"}


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
