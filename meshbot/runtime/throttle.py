"""Reporting seldom what may happen often; pure."""

from __future__ import annotations

from math import inf


class Throttle:
    """Lets one report through per period, and counts what it held back."""

    def __init__(self, every: float) -> None:
        """Take the period in seconds."""
        self._every = every
        self._reported_at = -inf
        # written by one thread, and _reported by another: so they need no lock
        self._noted = 0
        self._reported = 0

    @property
    def noted(self) -> int:
        """How many there ever were; any thread may ask."""
        return self._noted

    def note(self) -> None:
        """Note one more, to be reported by `due`, which another thread may call."""
        self._noted += 1

    def count(self, now: float) -> int:
        """Note one more; return how many to report now, 0 for none."""
        self.note()
        return self.due(now)

    def due(self, now: float) -> int:
        """Return how many have been held back if it is time to report them, else 0."""
        count = self._noted - self._reported
        if not count or now < self._reported_at + self._every:
            return 0
        self._reported += count
        self._reported_at = now
        return count
