"""Values that are good for a while, for a bounded number of keys; the time is an argument."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class TimedCache(Generic[K, V]):
    """Forgets a value `lifetime` seconds after it was put, and the oldest one beyond `limit` keys. Any thread."""

    def __init__(self, lifetime: float, limit: int) -> None:
        self._lifetime = lifetime
        self._limit = limit
        # protects _entries
        self._lock = threading.Lock()
        # oldest first
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are held."""
        return len(self._entries)

    def put(self, key: K, value: V, now: float) -> None:
        """Hold the value from now on."""
        with self._lock:
            self._entries[key] = now, value
            self._entries.move_to_end(key)
            while len(self._entries) > self._limit or self._oldest() + self._lifetime <= now:
                self._entries.popitem(last=False)

    def get(self, key: K, now: float) -> tuple[V, float] | None:
        """Return the value and its age in seconds, or None."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is None or entry[0] + self._lifetime <= now:
            return None
        return entry[1], now - entry[0]

    def _oldest(self) -> float:
        return next(iter(self._entries.values()))[0]
