"""Orders that admins gave: a recorded packet must not give one again, not even after a restart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, func, insert, select

from meshbot.storage.database import Database
from meshbot.storage.schema import ORDERS

KEPT: Final = 1000  # the latest; an operator gives a few a day

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

    def add(self, orders: Iterable[ReplayKey]) -> None:
        """Keep these and forget the oldest beyond KEPT."""
        rows = [{"sender": sender, "packet_id": packet_id} for sender, packet_id in orders]
        with self._database.transaction() as connection:
            connection.execute(insert(ORDERS), rows)
            newest = select(func.max(ORDERS.c.id)).scalar_subquery()
            connection.execute(delete(ORDERS).where(ORDERS.c.id <= newest - KEPT))
