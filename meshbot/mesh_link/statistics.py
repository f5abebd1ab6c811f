"""How the link has been doing: counted from what the link machine decides, read as a snapshot."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshbot.mesh_link.actions import Action, LinkReady

HOUR, DAY = 3600.0, 86400.0  # seconds
# Reconnections; one each 9 s for a day
REMEMBERED = 10_000


# Takes what the machine decided, since when it has no link (None: it has one), and the time; monotonic seconds
LinkObserver = Callable[[Sequence[Action], float | None, float], object]


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """The link at one moment; durations in seconds."""

    ready_for: float | None = None  # None while packets do not flow
    down_for: float | None = None  # None while they do, and before the first attempt
    last_hour: int = 0  # reconnections
    last_day: int = 0
    last_outage: float | None = None  # how long the last outage that is over was
    since_outage: float | None = None  # how long ago it ended
    round_trip: float | None = None  # from the last heartbeat to its answer


class LinkStatistics:
    """Thread-safe. Times are monotonic seconds."""

    def __init__(self) -> None:
        # protects all that follows
        self._lock = threading.Lock()
        self._reconnections: deque[float] = deque(maxlen=REMEMBERED)
        self._ready_since: float | None = None
        self._down_since: float | None = None
        self._last_outage: float | None = None
        self._outage_ended = 0.0
        self._round_trip: float | None = None
        self._observers: list[LinkObserver] = []

    def observe(self, observer: LinkObserver) -> None:
        """Have `observer`, which never waits, called with all that `take` gets; before the link starts."""
        self._observers.append(observer)

    def take(self, actions: Sequence[Action], outage_since: float | None, now: float) -> None:
        """Take what the machine decided at `now`, and since when it has no link (None: it has one)."""
        for observer in self._observers:
            observer(actions, outage_since, now)
        with self._lock:
            self._down_since = outage_since
            for action in actions:
                if isinstance(action, LinkReady):
                    self._take_ready(action, now)

    def _take_ready(self, ready: LinkReady, now: float) -> None:
        self._ready_since = now
        if ready.reconnection:
            self._reconnections.append(now)
            self._last_outage, self._outage_ended = ready.outage, now

    def probe_answered(self, seconds: float) -> None:
        """Take how long the node took to answer a heartbeat."""
        with self._lock:
            self._round_trip = seconds

    def snapshot(self, now: float) -> LinkFigures:
        """Return the figures at `now`."""
        with self._lock:
            down, ready = self._down_since, self._ready_since
            return LinkFigures(
                ready_for=now - ready if down is None and ready is not None else None,
                down_for=now - down if down is not None else None,
                last_hour=sum(at > now - HOUR for at in self._reconnections),
                last_day=sum(at > now - DAY for at in self._reconnections),
                last_outage=self._last_outage,
                since_outage=now - self._outage_ended if self._last_outage is not None else None,
                round_trip=self._round_trip,
            )
