"""Which numbers and keys the bot's own node has had."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select

from meshbot.storage.database import Database
from meshbot.storage.schema import OWN_NODES
from meshbot.storage.upsert import as_row, upsert


@dataclass(frozen=True, slots=True)
class OwnNodeRow:
    """Our own node under one number."""

    num: int
    public_key: bytes  # 32 bytes; empty: not known
    since: int  # seconds since 1970: when it was first seen under this number, or again


class OwnNodeStore:
    """Every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> list[OwnNodeRow]:
        """Return all, the present one last."""
        with self._database.reading() as connection:
            rows = connection.execute(select(OWN_NODES).order_by(OWN_NODES.c.since, OWN_NODES.c.num))
            return [OwnNodeRow(*row) for row in rows]

    def save(self, rows: Collection[OwnNodeRow]) -> None:
        """Have these, and no others."""
        with self._database.transaction() as connection:
            connection.execute(delete(OWN_NODES).where(OWN_NODES.c.num.not_in([row.num for row in rows])))
            upsert(connection, OWN_NODES, map(as_row, rows))
