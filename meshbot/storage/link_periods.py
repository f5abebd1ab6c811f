"""When the link was up and when it was not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select

from meshbot.storage.database import Database
from meshbot.storage.schema import LINK_PERIODS
from meshbot.storage.upsert import as_row, upsert


@dataclass(frozen=True, slots=True)
class LinkPeriodRow:
    """A time in which the link was up, or was not; seconds since 1970."""

    run: int  # when the process that saw it began, in milliseconds
    number: int  # in the order of time
    began: int
    ended: int  # or when it was last seen to go on
    is_up: bool
    cause: str = ""  # of an outage: the name of a LinkCause; empty: not known
    losses: int = 0  # links that did not last, within one outage


class LinkPeriodStore:
    """Every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> list[LinkPeriodRow]:
        """Return all, in order of time."""
        with self._database.reading() as connection:
            rows = connection.execute(select(LINK_PERIODS).order_by(LINK_PERIODS.c.run, LINK_PERIODS.c.number))
            return [LinkPeriodRow(*row) for row in rows]

    def save(self, rows: Collection[LinkPeriodRow], gone: Collection[tuple[int, int]], keep_from: int) -> None:
        """Write these; delete those that are gone, by run and number, and what ended before `keep_from`."""
        table = LINK_PERIODS.c
        with self._database.transaction() as connection:
            upsert(connection, LINK_PERIODS, map(as_row, rows))
            for run, number in gone:
                connection.execute(delete(LINK_PERIODS).where(table.run == run, table.number == number))
            connection.execute(delete(LINK_PERIODS).where(table.ended < keep_from))
