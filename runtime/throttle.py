"""Saying something that may happen often, seldom; pure."""

from __future__ import annotations

from math import inf


class Throttle:
    """Lets one line through per period, and counts what it held back."""

    def __init__(self, every: float) -> None:
        """Take the period in seconds."""
        self._every = every
        self._said_at = -inf
        self._count = 0

    def count(self, now: float) -> int:
        """Note one more; return how many to speak of now, 0 to keep silent."""
        self._count += 1
        return self.due(now)

    def due(self, now: float) -> int:
        """Return how many have been held back if it is time to speak of them, else 0."""
        if not self._count or now - self._said_at < self._every:
            return 0
        count, self._count, self._said_at = self._count, 0, now
        return count
