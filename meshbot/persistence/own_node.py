"""OwnNodeHistory: the numbers that the bot's own node has had; firmware 2.8 makes another one of its key."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from meshbot.mesh_link import OwnNode
from meshbot.persistence.write_behind import WriteBehind
from meshbot.runtime import Clock, OwnNumberChanged, Report
from meshbot.storage import Database, OwnNodeRow, OwnNodeStore

LOGGER = logging.getLogger(__name__)
# Numbers: somebody may change radios now and then
KEPT: Final = 10
# Seconds in which people are told that their messages to the number before no longer arrive
EXPLAINED_FOR: Final = 7 * 86400


class OwnNodeHistory(WriteBehind[OwnNodeStore, tuple[OwnNodeRow, ...]]):
    """Thread-safe. Each new number is logged and reported once, also over restarts of the bot."""

    subject: ClassVar = "Numéro de notre nœud"
    retry_after: ClassVar = 10.0

    def __init__(self, database: Database | None, clock: Clock, report: Report) -> None:
        """Read nothing yet: the first `flush` does."""
        super().__init__(OwnNodeStore(database) if database else None, clock)
        self._report = report
        # protects what follows; held for no I/O
        self._rows_lock = threading.Lock()
        # the present one last
        self._rows: tuple[OwnNodeRow, ...] = ()
        self._is_saved = True

    def take(self, own: OwnNode) -> None:
        """Take our own node as it gives itself, at READY and whenever it changes its number."""
        with self._rows_lock:
            self._take(own, int(self._clock.now().timestamp()))
            is_saved = self._is_saved
        if not is_saved:
            self.schedule(self._clock.monotonic())

    def former(self) -> OwnNodeRow | None:
        """Return the node under the number before, with `since` as the time when it changed, if that was lately."""
        with self._rows_lock:
            if len(self._rows) < 2:  # noqa: PLR2004 - the present one and one before
                return None
            before, present = self._rows[-2:]
        age = self._clock.now().timestamp() - present.since
        return replace(before, since=present.since) if age < EXPLAINED_FOR else None

    def _take(self, own: OwnNode, now: int, *, is_reported: bool = False) -> None:
        before = self._rows[-1] if self._rows else None
        self._rows = with_own_node(self._rows, own, now)
        self._is_saved &= self._rows[-1] == before
        if before is not None and before.num != own.num and not is_reported:
            LOGGER.warning("🆔 Notre nœud a changé de numéro: !%08x → !%08x", before.num, own.num)
            self._report(OwnNumberChanged(before.num, own.num))

    def _load(self, store: OwnNodeStore) -> None:
        stored = store.load()
        with self._rows_lock:
            seen, self._rows, self._is_saved = self._rows, tuple(stored), True
            # of what was seen before the database could be read, the first was compared with nothing
            for row in seen:
                self._take(OwnNode(row.num, row.public_key), row.since, is_reported=row is not seen[0])

    def _on_new_database(self, store: OwnNodeStore) -> None:  # noqa: ARG002 - see WriteBehind
        with self._rows_lock:
            self._is_saved = not self._rows

    def _take_unsaved(self, *, last: bool) -> tuple[OwnNodeRow, ...]:  # noqa: ARG002 - see WriteBehind
        with self._rows_lock:
            is_saved, self._is_saved = self._is_saved, True
            return () if is_saved else self._rows

    def _save(self, store: OwnNodeStore, batch: tuple[OwnNodeRow, ...]) -> None:
        if batch:
            store.save(batch)

    def _put_back(self, batch: tuple[OwnNodeRow, ...]) -> None:
        with self._rows_lock:
            self._is_saved &= not batch


def with_own_node(rows: Sequence[OwnNodeRow], own: OwnNode, now: int) -> tuple[OwnNodeRow, ...]:
    """Return the history with our own node as it is now; a key that is not known replaces none."""
    if rows and rows[-1].num == own.num:
        return (*rows[:-1], replace(rows[-1], public_key=own.public_key or rows[-1].public_key))
    # later than the one before, whatever the clock: a Pi without one starts in the past
    since = max(now, rows[-1].since + 1) if rows else now
    others = (row for row in rows if row.num != own.num)
    return (*others, OwnNodeRow(own.num, own.public_key, since))[-KEPT:]
