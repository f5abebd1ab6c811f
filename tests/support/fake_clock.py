"""A clock that moves only when a test says so; waiting costs no real time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from math import inf
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
WAKE: Any = object()
EPOCH = datetime(2026, 1, 5, 13, 35, 58, tzinfo=UTC)
SETTLE_TIMEOUT = 10.0  # real seconds a busy machine may need before a woken thread waits again


class FakeClock:
    """Implements runtime.clock.Clock; `advance` visits every deadline on its way, in order."""

    def __init__(self, start: float = 1000.0) -> None:
        """Start at `start` monotonic seconds, which is EPOCH in wall time."""
        self._start = self._now = start
        self._parked: dict[int, tuple[float, SimpleQueue[Any]]] = {}
        self._changed = threading.Condition()

    def monotonic(self) -> float:
        """See Clock."""
        return self._now

    def now(self) -> datetime:
        """See Clock."""
        return EPOCH + timedelta(seconds=self._now - self._start)

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock; parks the thread until an item or `advance` wakes it."""
        me = threading.get_ident()
        while True:
            with self._changed:
                if self._now >= deadline:
                    return None
                self._parked[me] = (deadline, inbox)
                self._changed.notify_all()
            item = inbox.get()
            with self._changed:
                del self._parked[me]
                self._changed.notify_all()
            if item is not WAKE:
                return item

    def wait_parked(self, deadline: float) -> None:
        """Block until some thread waits for exactly `deadline` (bounded in real time)."""
        with self._changed:
            ok = self._changed.wait_for(lambda: any(d == deadline for d, _ in self._parked.values()), SETTLE_TIMEOUT)
        assert ok, f"nobody waits for {deadline}: {[d for d, _ in self._parked.values()]}"

    def advance(self, seconds: float) -> None:
        """Move time; each waiter whose deadline is passed runs, and waits again, before time goes on."""
        target = self._now + seconds
        while True:
            with self._changed:
                due = min((d for d, _ in self._parked.values()), default=inf)
                if due > target:
                    break
                self._now = max(self._now, due)
                self._wake_due()
        with self._changed:
            self._now = target

    def _wake_due(self) -> None:
        woken = [me for me, (deadline, _) in self._parked.items() if deadline <= self._now]
        for me in woken:
            self._parked[me][1].put(WAKE)
        ended = self._changed.wait_for(lambda: all(self._rests(me) for me in woken), SETTLE_TIMEOUT)
        assert ended, f"still busy at {self._now}: {[t.name for t in threading.enumerate()]}"

    def _rests(self, ident: int) -> bool:
        """Whether the thread waits again for something later, or has ended."""
        if ident in self._parked:
            deadline, inbox = self._parked[ident]
            return deadline > self._now and inbox.empty()
        self._changed.wait(0.005)  # an ended thread notifies nobody
        return all(t.ident != ident for t in threading.enumerate())
