"""UpdateKeeper: which updates from Telegram were handled survives a restart, so that none is handled twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from runtime.clock import Clock
from storage.errors import StorageError

LOGGER = logging.getLogger(__name__)
TRY_AGAIN = 15.0  # seconds after a database that refused
KEPT = 2 * 86400  # seconds; Telegram itself keeps what nobody fetches for one day
UNSAVED_LIMIT = 1000  # ids that wait for a database; the oldest have long been confirmed to Telegram


@dataclass(frozen=True, slots=True)
class HandledBefore:
    """What earlier processes have handled."""

    ids: Collection[int]


class UpdateStore(Protocol):
    """Where ids are kept; each method is one transaction and may raise StorageError."""

    def load(self) -> Sequence[int]:
        """Read all ids, the oldest first."""
        ...

    def save(self, ids: Collection[int], now: int, keep_from: int) -> None:
        """Note ids as handled at `now`, and forget those before `keep_from`; seconds since 1970."""


class UpdateKeeper:
    """Used by one thread, the one that may wait for the disk. A database that fails is tried again."""

    def __init__(self, store: UpdateStore, clock: Clock, restore: Callable[[Sequence[int]], object]) -> None:
        """`restore` takes the ids of earlier processes, once they could be read; it only puts them into an inbox."""
        self._store = store
        self._clock = clock
        self._restore = restore
        self._loaded = False
        self._unsaved: dict[int, None] = {}
        self._due = inf

    @property
    def deadline(self) -> float:
        """When `write` has something to do (monotonic seconds); inf for never."""
        return self._due

    def note(self, ids: Collection[int], now: float) -> None:
        """Take ids; they are to be written at once."""
        self._unsaved.update(dict.fromkeys(ids))
        while len(self._unsaved) > UNSAVED_LIMIT:
            del self._unsaved[next(iter(self._unsaved))]
        self._due = min(self._due, now)

    def write(self, now: float) -> None:
        """Read what earlier processes left, if that is not done yet; write what is new. Raises nothing."""
        try:
            if not self._loaded:
                self._restore(self._store.load())
                self._loaded = True
            if self._unsaved:
                wall = int(self._clock.now().timestamp())
                self._store.save(list(self._unsaved), wall, wall - KEPT)
                self._unsaved.clear()
        except StorageError as exc:  # the database itself says so once, and when it is well again
            LOGGER.debug("Messages de Telegram hors de la base de données: %s", exc)
            self._due = now + TRY_AGAIN
        else:
            self._due = inf
