"""How often one place in the code may warn: whoever can make the bot warn must not fill the disk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import inf
from typing import Final

# Of one place in the code, in SITE_PERIOD seconds
SITE_LINES: Final = 30
SITE_PERIOD: Final = 60.0


@dataclass(slots=True)
class _Site:
    """The warnings of one place in the code."""

    since: float  # wall seconds
    lines: int = 0
    held_back: int = 0
    last: str = ""  # of those that were held back


class SiteLimit:
    """At most SITE_LINES warnings or errors of one place in the code in SITE_PERIOD seconds; the others are counted."""

    def __init__(self) -> None:
        self._sites: dict[tuple[str, int], _Site] = {}

    def admits(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be written; what the bot does, and what ends it, always is."""
        if not logging.WARNING <= record.levelno < logging.CRITICAL:
            return True
        site = self._sites.setdefault((record.pathname, record.lineno), _Site(record.created))
        if not site.held_back and not 0 <= record.created - site.since < SITE_PERIOD:
            site.since, site.lines = record.created, 0
        site.lines += 1
        if site.lines <= SITE_LINES:
            return True
        site.held_back += 1
        site.last = str(record.msg)
        return False

    def due(self, now: float = inf) -> list[tuple[int, str]]:
        """Return how many were held back at each place, and one of them, where its time is over."""
        over = [site for site in self._sites.values() if site.held_back and not 0 <= now - site.since < SITE_PERIOD]
        found = [(site.held_back, site.last) for site in over]
        for site in over:
            site.held_back = 0
        return found
