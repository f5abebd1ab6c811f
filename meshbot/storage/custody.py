"""What the bot must still know after a restart of the keys that it gives back to the radio, as rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select

from meshbot.storage.database import Database
from meshbot.storage.schema import KEY_CUSTODY, OWN_RADIO
from meshbot.storage.upsert import as_row, in_chunks, upsert

# There is one radio
ONLY_ROW = 1


@dataclass(frozen=True, slots=True)
class CustodyRow:
    """One node. Times are seconds since 1970; None: never."""

    num: int
    dm_at: int | None = None  # the last direct message under its key
    asked_at: int | None = None  # to introduce itself
    taught_at: int | None = None  # its key, to the radio
    # while its key is being taught: whether it is to stay a favourite of the radio's. None: nothing is to be undone
    stays_favourite: bool | None = None


@dataclass(frozen=True, slots=True)
class OwnRadioRow:
    """Our own radio at the last READY."""

    num: int
    public_key: bytes = b""
    region: int = 0  # RegionCode; 0: not set
    nodes: int = 0  # other nodes in its database
    day: int = 0  # days since 1970 of the next one
    taught: int = 0  # keys taught to the radio that day


class CustodyStore:
    """Every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> tuple[dict[int, CustodyRow], OwnRadioRow | None]:
        """Read everything; None: no READY yet."""
        own_columns = [column for column in OWN_RADIO.c if column.name != "id"]
        with self._database.reading() as connection:
            rows = {num: CustodyRow(num, *rest) for num, *rest in connection.execute(select(KEY_CUSTODY))}
            own = connection.execute(select(*own_columns)).first()
        return rows, None if own is None else OwnRadioRow(*own)

    def save(self, rows: Collection[CustodyRow], gone: Collection[int], own: OwnRadioRow | None) -> None:
        """Insert or update rows, delete those of the nodes in `gone`, and replace our own radio's if it is given."""
        with self._database.transaction() as connection:
            for chunk in in_chunks(sorted(gone)):
                connection.execute(delete(KEY_CUSTODY).where(KEY_CUSTODY.c.num.in_(chunk)))
            upsert(connection, KEY_CUSTODY, map(as_row, rows))
            if own is not None:
                upsert(connection, OWN_RADIO, [{"id": ONLY_ROW, **as_row(own)}])
