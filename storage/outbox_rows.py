"""What is still to be sent, kept across a restart; when to send what is the sender's matter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from storage.database import Database, storable
from storage.schema import OUTBOX

COLUMNS: Final = frozenset(OUTBOX.c.keys()) - {"id"}


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One text; `state` and `kind` are the sender's words, of at most 16 characters."""

    id: int  # 0 before it is kept
    created: int  # seconds since 1970
    priority: int  # the smaller goes first
    kind: str
    recipient: int
    channel: int  # index
    text: str
    reply_id: int  # 0: none
    want_ack: bool
    packet_id: int | None  # of the latest attempt
    expires_at: int  # seconds since 1970
    state: str
    attempts: int
    origin: str  # who is told when it fails


class OutboxStore:
    """Every method is one transaction and may raise StorageError; what returned is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: OutboxRow) -> int:
        """Keep a text that is to be sent; return the id that it gets."""
        values = asdict(row)
        del values["id"]
        values["text"] = storable(row.text)
        with self._database.transaction() as connection:
            return int(connection.execute(insert(OUTBOX).returning(OUTBOX.c.id), values).scalar_one())

    def change(self, row_id: int, **values: Any) -> bool:
        """Set some columns of one row, such as its state; return whether it was there."""
        if unknown := values.keys() - COLUMNS:
            raise ValueError(f"no such column: {', '.join(sorted(unknown))}")
        with self._database.transaction() as connection:
            return connection.execute(update(OUTBOX).where(OUTBOX.c.id == row_id).values(values)).rowcount == 1

    def in_states(self, states: Collection[str]) -> list[OutboxRow]:
        """Return the rows in these states in the order in which they are to go."""
        query = select(OUTBOX).where(OUTBOX.c.state.in_(states)).order_by(OUTBOX.c.priority, OUTBOX.c.id)
        with self._database.reading() as connection:
            return [OutboxRow(*row) for row in connection.execute(query)]

    def prune(self, states: Collection[str], keep_from: int) -> int:
        """Delete the rows in these states that were created before; return how many."""
        done = delete(OUTBOX).where(OUTBOX.c.state.in_(states), OUTBOX.c.created < keep_from)
        with self._database.transaction() as connection:
            return connection.execute(done).rowcount


assert [field.name for field in fields(OutboxRow)] == OUTBOX.c.keys()  # noqa: S101 - rows are read by position
