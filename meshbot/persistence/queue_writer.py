"""QueueWriter: what waits to go on air survives a restart; batches for the database, and patience with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from math import inf
from typing import Protocol

from meshbot.sending import Changes, PartState, Priority, SavedPart, decode_origin, encode_origin
from meshbot.storage import OutboxRow, StorageError

LOGGER = logging.getLogger(__name__)
WRITE_EVERY = 1.0  # seconds between two commits, and the most that a kill can make us forget
TRY_AGAIN = 15.0  # seconds after a database that refused


class OutboxStore(Protocol):
    """Where rows are kept; each method is one transaction and may raise StorageError."""

    @property
    def generation(self) -> int:
        """Return a number that grows whenever what was saved may have been lost."""
        ...

    def load(self) -> Sequence[OutboxRow]:
        """Read all rows in order."""
        ...

    def save(self, rows: Collection[OutboxRow], gone: Collection[int]) -> None:
        """Insert or update `rows` and delete the ids `gone`, all or nothing."""


class QueueWriter:
    """Used by one thread, the one that may wait for the disk. A database that fails loses nothing: it is tried again.

    Nothing is written before what an earlier process left has been read. Times are monotonic seconds.
    """

    def __init__(self, store: OutboxStore, restore: Callable[[Sequence[SavedPart]], object]) -> None:
        """`restore` takes what an earlier process left, once it could be read; it only puts that into an inbox."""
        self._store = store
        self._restore = restore
        self._loaded = False
        self._generation = 0
        self._kept: dict[int, OutboxRow] = {}  # as the database has them, or will once `_unsaved` is written
        self._unsaved: set[int] = set()
        self._stored: set[int] = set()  # ids that the database has
        self._due = inf

    @property
    def deadline(self) -> float:
        """When `write` has something to do; inf for never."""
        return self._due

    def note(self, changes: Changes, now: float) -> None:
        """Take in what changed; it is written at the deadline."""
        for row_id, part in changes.items():
            if part is not None:
                self._kept[row_id] = _row(part)
            else:
                self._kept.pop(row_id, None)
            self._unsaved.add(row_id)
        self._due = min(self._due, now + WRITE_EVERY)

    def write(self, now: float) -> None:
        """Read what an earlier process left, if that is not done yet; write what changed. Raises nothing."""
        try:
            if not self._loaded:
                self._load()
            self._save()
        except StorageError as exc:  # the database itself says so once, and when it is well again
            LOGGER.debug("File d'envoi hors de la base de données: %s", exc)
            self._due = now + TRY_AGAIN
        else:
            self._due = inf

    def _load(self) -> None:
        rows = self._store.load()
        self._loaded, self._generation = True, self._store.generation
        self._stored = {row.id for row in rows}
        parts = [part for row in rows if (part := self._readable(row)) is not None]
        if parts:
            LOGGER.info("📤 Base de données: %d envois en attente repris", len(parts))
            self._restore(parts)

    def _save(self) -> None:
        if self._store.generation != self._generation:  # a new database was begun: it may lack anything
            self._generation = self._store.generation
            self._unsaved.update(self._kept)
        rows = [self._kept[row_id] for row_id in self._unsaved if row_id in self._kept]
        gone = [row_id for row_id in self._unsaved if row_id not in self._kept and row_id in self._stored]
        if rows or gone:
            self._store.save(rows, gone)
        self._stored.update(row.id for row in rows)
        self._stored.difference_update(gone)
        self._unsaved.clear()

    def _readable(self, row: OutboxRow) -> SavedPart | None:
        try:
            part = _part(row)
        except ValueError as exc:
            LOGGER.warning("⚠️ Base de données: envoi %d illisible, effacé (%s)", row.id, exc)
            self._unsaved.add(row.id)
            return None
        if row.id not in self._unsaved:  # else this process has given the same number, and gives this row another
            self._kept[row.id] = row
        return part


def _row(part: SavedPart) -> OutboxRow:
    return OutboxRow(
        id=part.id,
        text_id=part.text_id,
        created=part.created,
        priority=int(part.priority),
        recipient=part.to,
        channel=part.channel,
        text=part.text,
        reply_id=part.reply_id,
        want_ack=part.want_ack,
        packet_id=part.packet_id,
        expires_at=part.expires_at,
        state=str(part.state),
        attempts=part.attempts,
        sent_at=part.sent_at,
        origin=encode_origin(part.origin),
    )


def _part(row: OutboxRow) -> SavedPart:
    return SavedPart(
        id=row.id,
        text_id=row.text_id,
        created=row.created,
        priority=Priority(row.priority),
        to=row.recipient,
        channel=row.channel,
        text=row.text,
        reply_id=row.reply_id,
        want_ack=row.want_ack,
        packet_id=row.packet_id,
        expires_at=row.expires_at,
        state=PartState(row.state),
        attempts=row.attempts,
        sent_at=row.sent_at,
        origin=decode_origin(row.origin),
    )
