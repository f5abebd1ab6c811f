"""Whether the disk has room left: one look at a time, and an end only when there is clearly more; pure."""

from __future__ import annotations

from typing import Final

from meshbot.runtime.incidents import DiskLow, DiskWell

ENOUGH: Final = 1.25  # times the limit: a disk that hovers at it is one incident


class DiskWatch:
    """Remembers whether the space was little at the last look."""

    def __init__(self, least: float) -> None:
        """Take the least share that must be free, 0 to 1; 0 never complains."""
        self._least = least
        self._is_low = False

    def look(self, free: int, total: int) -> DiskLow | DiskWell | None:
        """Return how little is left, each time, or once that it is enough; in bytes, what root alone has left out."""
        share = free / total if total else 1.0
        if share < self._least:
            self._is_low = True
            return DiskLow(free, share)  # each time: it may have become less
        if self._is_low and share >= self._least * ENOUGH:
            self._is_low = False
            return DiskWell(free, share)
        return None
