"""ReplayGuard: each command counts once, over restarts too; a recorded packet can be sent again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import ClassVar, Final

from meshbot.persistence.write_behind import WriteBehind
from meshbot.runtime import Clock, RecentKeys
from meshbot.storage import Database, PacketLog, ReplayKey, ReplayStore, StorageError

LOGGER = logging.getLogger(__name__)

KEPT: Final = 1000  # the latest of admins, who give a few a day
# The latest of everybody else, 1 MB: a day of a busy bot. Strangers cannot push out those of admins
KEPT_OF_ALL: Final = 5000
# Among how many of the last packets texts are recalled: hours of a busy mesh, without reading all that is kept
RECENT_PACKETS: Final = 20_000
# Seconds that a command's mark may wait for its commit: a kill loses no more
WRITE_AFTER: Final = 30.0


def recall_texts(
    database: Database | None, portnums: Collection[int], take: Callable[[Sequence[ReplayKey]], object]
) -> None:
    """Hand over the texts heard before the start: a recorded one shall be shown and answered once. Raises nothing."""
    if database is None:
        return
    try:
        take(PacketLog(database).load_recent_texts(RECENT_PACKETS, portnums))
    except StorageError as exc:
        # the database has logged it
        LOGGER.debug("Textes déjà reçus, non relus: %s", exc)


class ReplayGuard(WriteBehind[ReplayStore, list[ReplayKey]]):
    """Thread-safe; `is_new` never waits."""

    subject: ClassVar = "Commandes déjà reçues"
    retry_after: ClassVar = 10.0

    def __init__(self, store: ReplayStore | None, clock: Clock, kept: int = KEPT) -> None:
        """Remember the last `kept` commands."""
        super().__init__(store, clock)
        self._kept = kept
        # protects what follows; held for no I/O
        self._keys_lock = threading.Lock()
        self._known: RecentKeys[ReplayKey, None] = RecentKeys(self._kept)
        self._unsaved: list[ReplayKey] = []
        # Whether a first try to read the store has come to an end, good or bad
        self._tried = store is None

    @property
    def is_ready(self) -> bool:
        """Whether `is_new` knows what earlier processes were given, or that nobody can tell.

        Until then a recorded command could pass for a new one. A database that is known to fail does not count: for
        as long as it does, the operator needs the commands.
        """
        return self._tried

    def flush(self, *, last: bool = False) -> bool:
        """See WriteBehind."""
        flushed = super().flush(last=last)
        self._tried = True
        return flushed

    def is_known(self, sender: int, packet_id: int) -> bool:
        """Return whether the command was given before; without a packet id it was not."""
        with self._keys_lock:
            return (sender, packet_id) in self._known

    def is_new(self, sender: int, packet_id: int) -> bool:
        """Remember a command and return whether it was not given before; without a packet id none is new."""
        key = (sender, packet_id)
        with self._keys_lock:
            if not packet_id or key in self._known:
                return False
            self._known.put(key, None)
            self._unsaved = [*self._unsaved, key][-self._kept :]
        self.schedule(self._clock.monotonic() + WRITE_AFTER)
        return True

    def _load(self, store: ReplayStore) -> None:
        stored = store.load()
        stored_keys = set(stored)
        with self._keys_lock:
            given = list(self._known)
            self._known = RecentKeys(self._kept)
            for key in (*stored, *given):
                self._known.put(key, None)
            self._unsaved = [key for key in given if key not in stored_keys]

    def _on_new_database(self, store: ReplayStore) -> None:
        self._load(store)

    def _take_unsaved(self, *, last: bool) -> list[ReplayKey]:  # noqa: ARG002 - see WriteBehind
        with self._keys_lock:
            keys, self._unsaved = self._unsaved, []
        return keys

    def _save(self, store: ReplayStore, batch: list[ReplayKey]) -> None:
        if batch:
            store.add(batch, self._kept)

    def _put_back(self, batch: list[ReplayKey]) -> None:
        with self._keys_lock:
            self._unsaved = [*batch, *self._unsaved][-self._kept :]
