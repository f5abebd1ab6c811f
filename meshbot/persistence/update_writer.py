"""UpdateWriter: what the Telegram side has handled and posted survives a restart.

So no update is handled twice, and no message is left standing that is no longer true.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from meshbot.runtime import Clock
from meshbot.storage import StorageError

LOGGER = logging.getLogger(__name__)
TRY_AGAIN = 15.0  # seconds after a database that refused
KEPT = 2 * 86400  # seconds; Telegram itself keeps what nobody fetches for one day
UNSAVED_LIMIT = 1000  # ids that wait for a database; the oldest have long been confirmed to Telegram


MESSAGES_LIMIT = 1000  # likewise

MessageKey = tuple[int, int, str]  # chat, topic or 0, the post's key


@dataclass(frozen=True, slots=True)
class HandledBefore:
    """What earlier processes have handled, and the ids of the messages that they posted."""

    ids: Collection[int]
    messages: Mapping[MessageKey, int]


class UpdateStore(Protocol):
    """Where it is kept; each method is one transaction and may raise StorageError."""

    def load(self) -> Sequence[int]:
        """Read all ids, the oldest first."""
        ...

    def load_messages(self) -> Mapping[MessageKey, int]:
        """Read all message ids, the oldest first."""
        ...

    def save(self, ids: Collection[int], messages: Mapping[MessageKey, int], now: int, keep_from: int) -> None:
        """Note both as of `now`, and forget those before `keep_from`; seconds since 1970."""


class UpdateWriter:
    """Used by one thread, the one that may wait for the disk. A database that fails is tried again."""

    def __init__(self, store: UpdateStore, clock: Clock, restore: Callable[[HandledBefore], object]) -> None:
        """`restore` takes what earlier processes left, once it could be read; it only puts it into an inbox."""
        self._store = store
        self._clock = clock
        self._restore = restore
        self._loaded = False
        self._unsaved: dict[int, None] = {}
        self._messages: dict[MessageKey, int] = {}  # unsaved
        self._due = inf

    @property
    def deadline(self) -> float:
        """When `write` has something to do (monotonic seconds); inf for never."""
        return self._due

    def note(self, ids: Collection[int], messages: Mapping[MessageKey, int], now: float) -> None:
        """Take what is to be written at once."""
        self._unsaved.update(dict.fromkeys(ids))
        self._messages.update(messages)
        while len(self._messages) > MESSAGES_LIMIT:
            del self._messages[next(iter(self._messages))]
        while len(self._unsaved) > UNSAVED_LIMIT:
            del self._unsaved[next(iter(self._unsaved))]
        self._due = min(self._due, now)

    def write(self, now: float) -> None:
        """Read what earlier processes left, if that is not done yet; write what is new. Raises nothing."""
        try:
            if not self._loaded:
                self._restore(HandledBefore(self._store.load(), self._store.load_messages()))
                self._loaded = True
            if self._unsaved or self._messages:
                wall = int(self._clock.now().timestamp())
                self._store.save(list(self._unsaved), self._messages, wall, wall - KEPT)
                self._unsaved.clear()
                self._messages.clear()
        except StorageError as exc:  # the database itself says so once, and when it is well again
            LOGGER.debug("Messages de Telegram hors de la base de données: %s", exc)
            self._due = now + TRY_AGAIN
        else:
            self._due = inf
