"""QueueWriter: what waits to go on air survives a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from meshbot.persistence.write_behind import Store, WriteBehind
from meshbot.runtime import Clock
from meshbot.sending import Changes, PartState, Priority, SavedPart, decode_origin, encode_origin
from meshbot.storage import OutboxRow

LOGGER = logging.getLogger(__name__)
WRITE_EVERY: Final = 1.0  # seconds between two commits, and the most that a kill loses


class OutboxStore(Store, Protocol):
    """Where rows are kept; each method is one transaction and may raise StorageError."""

    def load(self) -> Sequence[OutboxRow]:
        """Read all rows in order."""
        ...

    def save(self, rows: Collection[OutboxRow], gone: Collection[int]) -> None:
        """Insert or update `rows` and delete the ids `gone`, all or nothing."""


@dataclass(frozen=True, slots=True)
class QueueChanges:
    """What changed of what waits to go on air."""

    changes: Changes


class QueueWriter(WriteBehind[OutboxStore, set[int]]):
    """For one thread."""

    subject: ClassVar = "File d'envoi"
    retry_after: ClassVar = 15.0

    def __init__(self, store: OutboxStore, clock: Clock, restore: Callable[[Sequence[SavedPart]], object]) -> None:
        """`restore` gets what an earlier process left, once it could be read; it only puts that into an inbox."""
        super().__init__(store, clock)
        self._restore = restore
        # as the database has them, or will once `_unsaved` is written
        self._rows: dict[int, OutboxRow] = {}
        self._unsaved: set[int] = set()
        self._stored: set[int] = set()

    def take(self, message: QueueChanges) -> None:
        """Take in what changed; it is written within WRITE_EVERY."""
        for row_id, part in message.changes.items():
            if part is not None:
                self._rows[row_id] = _row(part)
            else:
                self._rows.pop(row_id, None)
            self._unsaved.add(row_id)
        self.schedule(self._clock.monotonic() + WRITE_EVERY)

    def is_stored(self, row_id: int) -> bool:
        """Return whether the database has a row of this number; any thread may ask."""
        return row_id in self._stored

    def _load(self, store: OutboxStore) -> None:
        rows = store.load()
        self._stored = {row.id for row in rows}
        parts = [part for row in rows if (part := self._readable(row)) is not None]
        if parts:
            LOGGER.info("📤 Base de données: %d envois en attente repris", len(parts))
            self._restore(parts)

    def _on_new_database(self, store: OutboxStore) -> None:  # noqa: ARG002 - see WriteBehind
        self._unsaved.update(self._rows)

    def _take_unsaved(self, *, last: bool) -> set[int]:  # noqa: ARG002 - see WriteBehind
        ids, self._unsaved = self._unsaved, set()
        return ids

    def _save(self, store: OutboxStore, batch: set[int]) -> None:
        rows = [self._rows[row_id] for row_id in batch if row_id in self._rows]
        gone = [row_id for row_id in batch if row_id not in self._rows and row_id in self._stored]
        if rows or gone:
            store.save(rows, gone)
        self._stored.update(row.id for row in rows)
        self._stored.difference_update(gone)

    def _put_back(self, batch: set[int]) -> None:
        self._unsaved |= batch

    def _readable(self, row: OutboxRow) -> SavedPart | None:
        try:
            part = _part(row)
        except ValueError as exc:
            LOGGER.warning("⚠️ Base de données: envoi %d illisible, effacé (%s)", row.id, exc)
            self._unsaved.add(row.id)
            return None
        # An unsaved one is this process's own of the same number: the queue gives the restored one another number
        if row.id not in self._unsaved:
            self._rows[row.id] = row
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
