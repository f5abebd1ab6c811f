"""The last incidents, for the page."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from meshbot.runtime import Clock, Incident

KEPT: Final = 30


class IncidentLog:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # protects what follows
        self._lock = threading.Lock()
        self._taken: deque[tuple[float, Incident]] = deque(maxlen=KEPT)

    def take(self, incident: Incident) -> None:
        """Keep an incident; see Report."""
        at = self._clock.now().timestamp()
        with self._lock:
            self._taken.append((at, incident))

    def latest(self) -> list[tuple[float, Incident]]:
        """Return them with their time, seconds since 1970, the latest first."""
        with self._lock:
            return list(self._taken)[::-1]
