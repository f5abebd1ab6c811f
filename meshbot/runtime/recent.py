"""What was met lately: a bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class RecentKeys(Generic[K, V]):
    """The last `limit` keys put in, with their values; for one thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # oldest first
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        """Return whether the key is remembered."""
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        """Go through the keys, the oldest first."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._entries)

    def put(self, key: K, value: V) -> None:
        """Remember the key as the newest; the oldest beyond the limit goes."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def get(self, key: K) -> V | None:
        """Return the key's value, None if it is not remembered."""
        return self._entries.get(key)

    def pop(self, key: K) -> V | None:
        """Return the key's value and forget it, None if it is not remembered."""
        return self._entries.pop(key, None)
