"""Mail that mesh users leave for each other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, true, update

from meshbot.runtime import MeshBotError
from meshbot.storage.database import Database, storable
from meshbot.storage.schema import MAIL

MAX_MAIL: Final = 20  # for one recipient
MAX_ALL: Final = 2000  # for all together: with 100 recipients a mesh is busy; 600 kB at most, whoever floods


class MailboxFullError(MeshBotError):
    """There are MAX_MAIL letters for the recipient already, or MAX_ALL in all, and none of them was read."""

    def __init__(self, *, everybody: bool) -> None:
        """`everybody` when it is the room for all that is used up."""
        super().__init__("no room for a letter")
        self.everybody = everybody


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; times are seconds since 1970, None: not yet."""

    id: int
    sender: int
    recipient: int
    text: str
    sent_at: int
    told_at: int | None
    read_at: int | None
    proven: bool  # that the sender sent it


class MailStore:
    """Every method is one transaction and may raise StorageError; what returned is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def send(self, sender: int, recipient: int, text: str, now: int, *, proven: bool = True) -> int:
        """Keep a letter and return its id; the oldest that was read makes room. MailboxFullError if none was."""
        letter = {"sender": sender, "recipient": recipient, "text": storable(text), "sent_at": now, "proven": proven}
        with self._database.transaction() as connection:
            if not _has_room(connection, MAX_MAIL, MAIL.c.recipient == recipient):
                raise MailboxFullError(everybody=False)
            if not _has_room(connection, MAX_ALL, true()):
                raise MailboxFullError(everybody=True)
            return int(connection.execute(insert(MAIL).returning(MAIL.c.id), letter).scalar_one())

    def of(self, recipient: int) -> list[Mail]:
        """Return the recipient's letters, the oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(select(MAIL).where(MAIL.c.recipient == recipient).order_by(MAIL.c.id))
            return [Mail(*row) for row in found]

    def mark_told(self, recipient: int, now: int) -> None:
        """Note that the recipient knows of all its letters."""
        with self._database.transaction() as connection:
            untold = update(MAIL).where(MAIL.c.recipient == recipient, MAIL.c.told_at.is_(None))
            connection.execute(untold.values(told_at=now))

    def mark_untold(self, recipient: int, told_at: int) -> bool:
        """Note that what was told then did not reach the recipient; return whether some of it is unread."""
        with self._database.transaction() as connection:
            of_then = MAIL.c.told_at == told_at, MAIL.c.recipient == recipient, MAIL.c.read_at.is_(None)
            return connection.execute(update(MAIL).where(*of_then).values(told_at=None)).rowcount > 0

    def mark_read(self, ids: Collection[int], now: int) -> None:
        """Note that these letters were read, and so told."""
        with self._database.transaction() as connection:
            read = update(MAIL).where(MAIL.c.id.in_(ids))
            values = {"told_at": func.coalesce(MAIL.c.told_at, now), "read_at": func.coalesce(MAIL.c.read_at, now)}
            connection.execute(read.values(values))

    def delete(self, recipient: int, letter_id: int) -> bool:
        """Delete one of the recipient's letters; return whether it was there."""
        with self._database.transaction() as connection:
            gone = delete(MAIL).where(MAIL.c.id == letter_id, MAIL.c.recipient == recipient)
            return connection.execute(gone).rowcount == 1

    def untold(self) -> set[int]:
        """Return the recipients who do not know of some letter."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(MAIL.c.recipient).where(MAIL.c.told_at.is_(None)).distinct()))

    def prune(self, keep_from: int) -> None:
        """Delete what was sent before; seconds since 1970."""
        with self._database.transaction() as connection:
            connection.execute(delete(MAIL).where(MAIL.c.sent_at < keep_from))


def _has_room(connection: Connection, most: int, among: ColumnElement[bool]) -> bool:
    """Return whether one more letter fits, if need be in the place of the oldest that was read."""
    if (connection.scalar(select(func.count()).select_from(MAIL).where(among)) or 0) < most:
        return True
    oldest = connection.scalar(select(func.min(MAIL.c.id)).where(among, MAIL.c.read_at.is_not(None)))
    if oldest is None:
        return False
    connection.execute(delete(MAIL).where(MAIL.c.id == oldest))
    return True
