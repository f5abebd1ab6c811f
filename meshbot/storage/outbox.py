"""What waits to go on air, as rows: kept until it is acknowledged, has expired, or has failed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

from sqlalchemy import delete, select

from meshbot.storage.database import Database, storable
from meshbot.storage.schema import OUTBOX
from meshbot.storage.upsert import as_row, upsert

# Ids in one statement; SQLite takes 32,766
BATCH = 500


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One packet; schema.py describes each column."""

    id: int
    text_id: int
    created: int
    priority: int
    recipient: int
    channel: int
    text: str
    reply_id: int
    want_ack: bool
    packet_id: int
    expires_at: int
    state: str
    attempts: int
    sent_at: int | None
    origin: str


class OutboxStore:
    """The outbox in the database; every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> list[OutboxRow]:
        """Read all rows in order."""
        with self._database.reading() as connection:
            return [OutboxRow(*row) for row in connection.execute(select(OUTBOX).order_by(OUTBOX.c.id))]

    def save(self, rows: Collection[OutboxRow], gone: Collection[int]) -> None:
        """Insert or update `rows` and delete the ids `gone`, all or nothing."""
        ids = list(gone)
        with self._database.transaction() as connection:
            upsert(connection, OUTBOX, (as_row(row) | {"text": storable(row.text)} for row in rows))
            for start in range(0, len(ids), BATCH):
                connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(ids[start : start + BATCH])))


assert [field.name for field in fields(OutboxRow)] == OUTBOX.c.keys()  # noqa: S101 - rows are read by position
