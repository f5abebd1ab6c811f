"""The only module that reads a clock or blocks with a timeout."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

T = TypeVar("T")
# SimpleQueue.get refuses timeouts beyond threading.TIMEOUT_MAX, inf included
MAX_WAIT = 3600.0
# Local time of day from which a night's work is due
NIGHT_HOUR = 3


class Clock(Protocol):
    """Time as the services see it; tests replace it by one that they move."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never jumps."""
        ...

    def now(self) -> datetime:
        """Return the wall time in UTC; on a Pi it jumps when NTP arrives."""
        ...

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """Return the next item, or None once `deadline` (monotonic seconds, may be inf) has passed."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """See Clock."""
        return time.monotonic()

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC)

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock."""
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                return inbox.get(timeout=min(remaining, MAX_WAIT))
            except Empty:
                # MAX_WAIT elapsed, or the deadline passed: look again
                continue
        # a passed deadline goes before a queued item, or a flood would starve it
        return None


def night_of(now: datetime) -> date:
    """Return the date of the night whose work is due at a local time."""
    return (now - timedelta(hours=NIGHT_HOUR)).date()
