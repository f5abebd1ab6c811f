"""The last incidents, for the page."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from meshbot.runtime import Clock, DiskLow, DiskRecovered, Incident

KEPT: Final = 30


class IncidentLog:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # protects what follows
        self._lock = threading.Lock()
        self._taken: deque[tuple[float, Incident]] = deque(maxlen=KEPT)
        self._was_low = False

    def take(self, incident: Incident) -> None:
        """Keep an incident; see Report."""
        at = self._clock.now().timestamp()
        with self._lock:
            # said at each start, for an alert that an earlier process may have left open
            if isinstance(incident, DiskRecovered) and not self._was_low:
                return
            self._was_low = isinstance(incident, DiskLow) or (self._was_low and not isinstance(incident, DiskRecovered))
            self._taken.append((at, incident))

    def latest(self) -> list[tuple[float, Incident]]:
        """Return them with their time, seconds since 1970, the latest first."""
        with self._lock:
            return list(self._taken)[::-1]
