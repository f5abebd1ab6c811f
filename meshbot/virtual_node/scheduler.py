"""Actions at their time, without a clock of its own."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from math import inf


class Scheduler:
    """Runs actions at their time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()

    def at(self, due: float, action: Callable[[float], None]) -> None:
        """Run `action(now)` once `due` has come."""
        heapq.heappush(self._due, (due, next(self._order), action))

    @property
    def due(self) -> float:
        """When `run` has something to do; inf for never."""
        return self._due[0][0] if self._due else inf

    def run(self, now: float) -> None:
        """Run the due actions, each with the time it was due at."""
        while self._due and self._due[0][0] <= now:
            due, _, action = heapq.heappop(self._due)
            action(due)

    def clear(self) -> None:
        """Cancel all actions."""
        self._due.clear()
