"""Whether the disk has room left: one look at a time, and an end only when there is clearly more."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Final

from meshbot.runtime.incidents import DiskLow, DiskRecovered, Report

LOGGER = logging.getLogger(__name__)
# Times the limit: a disk that hovers at it is one incident
ENOUGH: Final = 1.25


class DiskWatch:
    """Remembers whether the space was little at the last look; pure."""

    def __init__(self, least: float) -> None:
        """Take the least share that must be free, 0 to 1; 0 never complains."""
        self._least = least
        # None: no look yet, and an earlier process may have complained
        self._is_low: bool | None = None

    def look(self, free: int, total: int) -> DiskLow | DiskRecovered | None:
        """Return how little is left, each time, or once that it is enough; in bytes, what root alone has left out."""
        share = free / total if total else 1.0
        if share < self._least:
            self._is_low = True
            # each time: it may have become less
            return DiskLow(free, share)
        if self._is_low is not False and share >= self._least * ENOUGH:
            self._is_low = False
            return DiskRecovered(free, share)
        return None


class DiskCheck:
    """Looks at the file system that holds a folder."""

    def __init__(self, folder: Path, least: float, report: Report) -> None:
        """`least` as in DiskWatch."""
        self._folder = folder
        self._watch = DiskWatch(least)
        self._report = report

    def look(self) -> None:
        """Report what has changed; may wait for the disk, raises nothing."""
        try:
            usage = shutil.disk_usage(self._folder)
        # not made yet, or gone: the database reports it
        except OSError as exc:
            LOGGER.debug("Place sur le disque inconnue: %s", exc)
            return
        # as df: what is kept for root counts neither way
        if incident := self._watch.look(usage.free, usage.used + usage.free):
            self._report(incident)
