"""Saying something that may happen often, seldom; pure."""

from __future__ import annotations

from math import inf


class Throttle:
    """Lets one line through per period, and counts what it held back."""

    def __init__(self, every: float) -> None:
        """Take the period in seconds."""
        self._every = every
        self._said_at = -inf
        self._noted = 0  # written by who notes, _told by who speaks: so two threads need no lock
        self._told = 0

    def note(self) -> None:
        """Note one more, to be spoken of by `due`, which another thread may call."""
        self._noted += 1

    def count(self, now: float) -> int:
        """Note one more; return how many to speak of now, 0 to keep silent."""
        self.note()
        return self.due(now)

    def due(self, now: float) -> int:
        """Return how many have been held back if it is time to speak of them, else 0."""
        count = self._noted - self._told
        if not count or now < self._said_at + self._every:
            return 0
        self._told += count
        self._said_at = now
        return count
