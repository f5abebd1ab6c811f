"""How names, times, lengths, numbers, lists and tables are written into answers; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.mesh_memory import DirectNode, NodeView
from meshbot.text import clipped

PACKET_BYTES: Final = 200  # one packet of an answer
# One message of Telegram, which holds 4096 UTF-16 units: never more than the UTF-8 bytes
CHAT_BYTES: Final = 3500
NAME_BYTES: Final = 16  # of a node's name in a list
NUMBER: Final = re.compile(r"[0-9]{1,9}")
MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
# Unicode categories: marks upon the character before, and joiners
WITHOUT_WIDTH: Final = frozenset(("Mn", "Me", "Cf"))


def ident(num: int) -> str:
    """Return `!20001eef`."""
    return f"!{num:08x}"


def name_of(view: NodeView | DirectNode, limit: int = NAME_BYTES) -> str:
    """Return the node's long name if it fits into `limit` bytes, else its short one, else its id.

    Two long names that are cut could not be told apart.
    """
    if view.long_name and len(view.long_name.encode(errors="replace")) <= limit:
        return view.long_name
    return clipped(view.short_name or view.long_name or ident(view.num), limit)


def age(seconds: float, tr: Translate) -> str:
    """Return `30s`, `5min`, `3h`, `2d`; a time in the future, after a jump of the clock, is `0s`."""
    passed = max(0, int(seconds))
    if passed < MINUTE:
        return f"{passed}s"
    if passed < HOUR:
        return f"{passed // MINUTE}min"
    return f"{passed // HOUR}h" if passed < 2 * DAY else tr(_("{count}d")).format(count=passed // DAY)


def duration(seconds: float, tr: Translate) -> str:
    """Return the two greatest units: `42 s`, `12 min`, `3 h 12 min`, `2 d 4 h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return _two_units(f"{whole // HOUR} h", whole % HOUR // MINUTE, "min")
    return _two_units(tr(_("{count} d")).format(count=whole // DAY), whole % DAY // HOUR, "h")


def decibels(snr: float) -> str:
    """Return `-4.5dB`."""
    return f"{snr:.1f}dB"


def length(metres: float) -> str:
    """Return `850m`, `45.2km`, `312km`."""
    if metres < 1000:  # noqa: PLR2004 - a kilometre
        return f"{metres:.0f}m"
    return f"{metres / 1000:.1f}km" if metres < 100_000 else f"{metres / 1000:.0f}km"  # noqa: PLR2004 - three digits


def too_long(excess: int, tr: Translate) -> str:
    """Return the answer to a text with `excess` bytes too many."""
    return tr.ngettext("Too long by {count} byte.", "Too long by {count} bytes.", excess).format(count=excess)


def joined(parts: Iterable[str], tr: Translate) -> str:
    """Return parts as one line."""
    return tr(_("; ")).join(parts)


def share(part: int, whole: int) -> str:
    """Return `40%`."""
    return f"{100 * part / whole:.0f}%" if whole else "0%"


def whole_number(text: str, least: int, most: int) -> int | None:
    """Return the number in `text`, clamped to the bounds; None if it is no number."""
    return min(max(int(text), least), most) if NUMBER.fullmatch(text) else None


def as_many_as_fit(head: str, lines: Iterable[str], count: int, limit: int = PACKET_BYTES) -> str:
    """Return `head`, as many of the `count` lines as fit, at least one, and `+3` if three did not fit.

    No more is taken from `lines` than needed.
    """
    text = head
    for shown, line in enumerate(lines):
        rest = f"\n+{count - shown - 1}" if shown + 1 < count else ""
        if shown and len(f"{text}\n{line}{rest}".encode()) > limit:
            return f"{text}\n+{count - shown}"
        text = f"{text}\n{line}"
    return text


def lines_that_fit(lines: Sequence[str], limit: int) -> str:
    """Return the first line and as many others as fit, as as_many_as_fit does."""
    return as_many_as_fit(lines[0], lines[1:], len(lines) - 1, limit)


def pages_of(head: Callable[[int, int], str], lines: Sequence[str], limit: int = PACKET_BYTES) -> list[str]:
    """Return the pages, each below its `head(page, pages)` and as full as a packet allows."""
    room = limit - len(head(len(lines), len(lines)).encode())
    pages: list[list[str]] = [[]]
    used = 0
    for line in lines:
        size = len(line.encode()) + 1
        if pages[-1] and used + size > room:
            pages.append([])
            used = 0
        pages[-1].append(line)
        used += size
    return ["\n".join([head(number, len(pages)), *page]) for number, page in enumerate(pages, 1)]


# -- tables for a fixed-width font, narrow enough for a phone


def cells(text: str) -> int:
    """Return the width of a text in columns: two for an emoji or an East Asian character."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return the titles and each row as a line; columns that are empty in all rows are left out.

    `right` has the indexes of the columns that are aligned right, as numbers are.
    """
    kept = [place for place in range(len(titles)) if any(row[place] for row in rows)]
    widths = {place: max(cells(row[place]) for row in (titles, *rows)) for place in kept}
    return [
        " ".join(_padded(row[place], widths[place], right=place in right) for place in kept).rstrip()
        for row in (titles, *rows)
    ]


def facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each name and value; empty values are left out."""
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


def _two_units(first: str, count: int, unit: str) -> str:
    return f"{first} {count} {unit}" if count else first
