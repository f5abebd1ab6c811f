"""The packets that brought commands of admins, so that none is executed twice."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, select

from meshbot.storage.database import Database
from meshbot.storage.schema import ORDERS

ReplayKey = tuple[int, int]  # sender and packet id


class ReplayStore:
    """Every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> list[ReplayKey]:
        """Return what is kept, the oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(select(ORDERS.c.sender, ORDERS.c.packet_id).order_by(ORDERS.c.id))
            return [(sender, packet_id) for sender, packet_id in found]

    def add(self, keys: Iterable[ReplayKey], kept: int) -> None:
        """Insert keys, and delete the oldest beyond `kept`."""
        rows = [{"sender": sender, "packet_id": packet_id} for sender, packet_id in keys]
        with self._database.transaction() as connection:
            connection.execute(insert(ORDERS), rows)
            newest = select(func.max(ORDERS.c.id)).scalar_subquery()
            connection.execute(delete(ORDERS).where(ORDERS.c.id <= newest - kept))
