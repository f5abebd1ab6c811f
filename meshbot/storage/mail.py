"""Mails that mesh users leave for each other, as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, true, union, update

from meshbot.storage.database import Database, storable
from meshbot.storage.schema import MAIL


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; times are seconds since 1970, None: not yet."""

    id: int
    sender: int
    recipient: int
    text: str
    sent_at: int
    notified_at: int | None  # when the recipient was notified
    read_at: int | None
    proven: bool  # that the sender sent it


@dataclass(frozen=True, slots=True)
class MailScope:
    """Which mails; None: whatever it is. A node may have several numbers."""

    recipients: Collection[int] | None = None
    senders: Collection[int] | None = None
    proven: bool | None = None

    def condition(self) -> ColumnElement[bool]:
        """Return it for a query."""
        numbers = ((MAIL.c.recipient, self.recipients), (MAIL.c.sender, self.senders))
        wanted: list[ColumnElement[bool]] = [column.in_(nums) for column, nums in numbers if nums is not None]
        if self.proven is not None:
            wanted.append(MAIL.c.proven == self.proven)
        return and_(true(), *wanted)


class MailTable:
    """The table within one transaction: see MailStore.transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, scope: MailScope) -> int:
        """Return the number of mails."""
        return self._connection.scalar(select(func.count()).select_from(MAIL).where(scope.condition())) or 0

    def oldest_read(self, scope: MailScope) -> int | None:
        """Return the id of the oldest mail that was read."""
        query = select(func.min(MAIL.c.id)).where(scope.condition(), MAIL.c.read_at.is_not(None))
        oldest: int | None = self._connection.scalar(query)
        return oldest

    def delete(self, mail_id: int) -> None:
        """Delete one mail."""
        self._connection.execute(delete(MAIL).where(MAIL.c.id == mail_id))

    def insert(self, sender: int, recipient: int, text: str, sent_at: int, *, proven: bool) -> int:
        """Insert a mail and return its id."""
        row = {"sender": sender, "recipient": recipient, "text": storable(text), "sent_at": sent_at, "proven": proven}
        return int(self._connection.execute(insert(MAIL).returning(MAIL.c.id), row).scalar_one())


class MailStore:
    """Every method is one transaction and may raise StorageError; what returned is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def transaction(self) -> Iterator[MailTable]:
        """Give the table; what is done with it is committed on leaving, or rolled back by an exception."""
        with self._database.transaction() as connection:
            yield MailTable(connection)

    def mails_of(self, recipients: Collection[int]) -> list[Mail]:
        """Return the mails to these numbers, the oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(select(MAIL).where(MAIL.c.recipient.in_(recipients)).order_by(MAIL.c.id))
            return [Mail(*row) for row in found]

    def totals(self) -> tuple[int, int, int]:
        """Return how many mails there are, how many of them were not read, and for how many numbers these are."""
        with self._database.reading() as connection:
            unread = MAIL.c.read_at.is_(None)
            query = select(
                func.count(),
                func.count().filter(unread),
                func.count(MAIL.c.recipient.distinct()).filter(unread),
            )
            mails, unread_mails, recipients = connection.execute(query.select_from(MAIL)).one()
            return mails, unread_mails, recipients

    def mark_notified(self, recipients: Collection[int], now: int) -> None:
        """Note that the node with these numbers knows of all its mails."""
        with self._database.transaction() as connection:
            unnotified = update(MAIL).where(MAIL.c.recipient.in_(recipients), MAIL.c.told_at.is_(None))
            connection.execute(unnotified.values(told_at=now))

    def mark_unnotified(self, recipients: Collection[int], notified_at: int) -> bool:
        """Note that the notice sent then did not reach the node; return whether some of its mails are unread."""
        return self._mark_unnotified(recipients, MAIL.c.told_at == notified_at)

    def mark_unnotified_since(self, recipient: int, since: int) -> bool:
        """Note that no notice since then was the recipient's; return whether some of its mails are unread."""
        return self._mark_unnotified([recipient], MAIL.c.told_at >= since)

    def _mark_unnotified(self, recipients: Collection[int], when: ColumnElement[bool]) -> bool:
        with self._database.transaction() as connection:
            unread = update(MAIL).where(when, MAIL.c.recipient.in_(recipients), MAIL.c.read_at.is_(None))
            return connection.execute(unread.values(told_at=None)).rowcount > 0

    def mark_read(self, ids: Collection[int], now: int) -> None:
        """Note that these mails were read, and so their recipient notified."""
        with self._database.transaction() as connection:
            read = update(MAIL).where(MAIL.c.id.in_(ids))
            values = {"told_at": func.coalesce(MAIL.c.told_at, now), "read_at": func.coalesce(MAIL.c.read_at, now)}
            connection.execute(read.values(values))

    def delete(self, recipients: Collection[int], mail_id: int) -> bool:
        """Delete one of the mails to these numbers; return whether it was there."""
        with self._database.transaction() as connection:
            gone = delete(MAIL).where(MAIL.c.id == mail_id, MAIL.c.recipient.in_(recipients))
            return connection.execute(gone).rowcount == 1

    def unnotified(self) -> set[int]:
        """Return the recipients who do not know of some mail."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(MAIL.c.recipient).where(MAIL.c.told_at.is_(None)).distinct()))

    def correspondents(self) -> set[int]:
        """Return who has or sent mail."""
        with self._database.reading() as connection:
            return set(connection.scalars(union(select(MAIL.c.recipient), select(MAIL.c.sender))))

    def prune(self, keep_from: int) -> None:
        """Delete what was sent before; seconds since 1970."""
        with self._database.transaction() as connection:
            connection.execute(delete(MAIL).where(MAIL.c.sent_at < keep_from))
