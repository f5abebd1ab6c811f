"""The packets that brought commands, so that none is executed twice."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Table, delete, func, insert, select

from meshbot.storage.database import Database
from meshbot.storage.schema import ADMIN_COMMANDS_RUN, COMMANDS_RUN

ReplayKey = tuple[int, int]  # sender and packet id


class ReplayStore:
    """Every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database, *, of_admins: bool = True) -> None:
        """`of_admins`: the commands of admins, else those of all others."""
        self._database = database
        self._table: Table = ADMIN_COMMANDS_RUN if of_admins else COMMANDS_RUN

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> list[ReplayKey]:
        """Return what is kept, the oldest first."""
        with self._database.reading() as connection:
            columns = self._table.c
            found = connection.execute(select(columns.sender, columns.packet_id).order_by(columns.id))
            return [(sender, packet_id) for sender, packet_id in found]

    def add(self, keys: Iterable[ReplayKey], kept: int) -> None:
        """Insert keys, and delete the oldest beyond `kept`."""
        rows = [{"sender": sender, "packet_id": packet_id} for sender, packet_id in keys]
        with self._database.transaction() as connection:
            connection.execute(insert(self._table), rows)
            number = self._table.c.id
            newest = select(func.max(number)).scalar_subquery()
            connection.execute(delete(self._table).where(number <= newest - kept))
