"""Texts of strangers as the font can draw them: no gaps, boxes or warnings; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable
from typing import Final

JOINED: Final = "…"


def drawable(text: str, glyphs: Container[int], limit: int) -> str:
    """Return `text` on one line without what the font `glyphs` (code points) lacks, at most `limit` characters."""
    spaced = "".join(" " if unicodedata.category(char)[0] == "Z" or char in "\t\n\r" else char for char in text)
    kept: list[str] = []
    for char in unicodedata.normalize("NFC", spaced):
        kind = unicodedata.category(char)
        stacked = kind.startswith("M") and (not kept or unicodedata.category(kept[-1]).startswith(("M", "Z")))
        if kind[0] != "C" and not stacked and ord(char) in glyphs:
            kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + JOINED


def first_drawable(names: Iterable[str], glyphs: Container[int], limit: int) -> str:
    """Return the first of `names` that keeps at least half of its letters, drawable; empty if none does."""
    for name in names:
        shown = drawable(name, glyphs, limit)
        before = sum(map(str.isalnum, name[:limit]))
        if any(map(str.isalnum, shown)) and 2 * sum(map(str.isalnum, shown)) >= before:
            return shown
    return ""
