"""Tables for a fixed-width font, narrow enough for a phone; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final

WITHOUT_WIDTH: Final = frozenset(("Mn", "Me", "Cf"))  # categories: marks upon the character before, and joiners


def cells(text: str) -> int:
    """Return the columns of the screen that a text takes: two for a picture or an East Asian character."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return the titles and each row as a line; columns that are empty in all rows are left out.

    `right` are the places of the columns that are aligned at their right end, as numbers are.
    """
    kept = [place for place in range(len(titles)) if any(row[place] for row in rows)]
    widths = {place: max(cells(row[place]) for row in (titles, *rows)) for place in kept}
    return [
        " ".join(_padded(row[place], widths[place], right=place in right) for place in kept).rstrip()
        for row in (titles, *rows)
    ]


def facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each name and what is known of it; what is not known is left out."""
    known = [(name, value) for name, value in pairs if value]
    width = max((cells(name) for name, _value in known), default=0)
    return [f"{_padded(name, width)} {value}" for name, value in known]


def _padded(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - cells(text))
    return space + text if right else text + space


@lru_cache(1024)
def _cells(char: str) -> int:
    if unicodedata.category(char) in WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
