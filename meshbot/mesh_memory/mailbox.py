"""Mailbox: mails that mesh users leave for each other, and who is yet to be notified of some."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from meshbot.runtime import Clock, MeshBotError
from meshbot.storage import Mail, MailStore, MailTable, StorageError

MAX_MAIL: Final = 20  # for one recipient
# For all together: with 100 recipients a mesh is busy; 600 kB at most, whoever floods
MAX_ALL: Final = 2000


class MailboxFullError(MeshBotError):
    """There are MAX_MAIL mails for the recipient already, or MAX_ALL in all, and none of them was read."""

    def __init__(self, *, everybody: bool) -> None:
        """`everybody` when it is the room for all that is used up."""
        super().__init__("no room for a mail")
        self.everybody = everybody


class Mailbox:
    """Thread-safe. Each call is one transaction, and what returned is kept."""

    def __init__(self, store: MailStore | None, clock: Clock, mail_ttl: float) -> None:
        """Mails are kept for `mail_ttl` seconds."""
        self._maybe_store = store
        self._mail_ttl = int(mail_ttl)
        self._clock = clock
        # protects `_unnotified`; held for no I/O
        self._unnotified_lock = threading.Lock()
        self._unnotified: set[int] = set()

    def send(self, sender: int, recipient: int, text: str, *, proven: bool = True) -> int:
        """Keep a mail for a node and return its id; the oldest that was read makes room.

        Raises MailboxFullError if none was read, and StorageError.
        """
        with self._store.transaction() as mails:
            if not _make_room(mails, MAX_MAIL, recipient):
                raise MailboxFullError(everybody=False)
            if not _make_room(mails, MAX_ALL):
                raise MailboxFullError(everybody=True)
            mail_id = mails.insert(sender, recipient, text, self._now(), proven=proven)
        with self._unnotified_lock:
            self._unnotified.add(recipient)
        return mail_id

    def mails_of(self, recipient: int) -> list[Mail]:
        """Return a node's mails, the oldest first: a mail's place is its number for people. Raises StorageError."""
        return self._store.mails_of(recipient)

    def is_unnotified(self, recipient: int) -> bool:
        """Return whether a node is to be notified of mail now that it is heard; asks no database."""
        with self._unnotified_lock:
            return recipient in self._unnotified

    def mark_notified(self, recipient: int) -> int:
        """Note that a node knows of all its mail; return when that was, for `mark_unnotified`. Raises StorageError."""
        now = self._now()
        self._store.mark_notified(recipient, now)
        with self._unnotified_lock:
            self._unnotified.discard(recipient)
        return now

    def mark_unnotified(self, recipient: int, notified_at: int) -> None:
        """Note that the notice sent then did not reach the node. Raises StorageError."""
        if self._store.mark_unnotified(recipient, notified_at):
            with self._unnotified_lock:
                self._unnotified.add(recipient)

    def mark_read(self, mails: Iterable[Mail]) -> None:
        """Note that mails were read. Raises StorageError."""
        self._store.mark_read([mail.id for mail in mails], self._now())

    def delete(self, recipient: int, mail_id: int) -> bool:
        """Delete one mail of a node; return whether it was there. Raises StorageError."""
        return self._store.delete(recipient, mail_id)

    def load(self) -> None:
        """Read from the database who is to be notified. Raises StorageError."""
        unnotified = self._store.unnotified()
        with self._unnotified_lock:
            self._unnotified = unnotified

    def prune(self) -> None:
        """Delete what was not fetched within `mail_ttl` seconds. Raises StorageError."""
        self._store.prune(self._now() - self._mail_ttl)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    @property
    def _store(self) -> MailStore:
        if self._maybe_store is None:
            raise StorageError("pas de base de données, voir le journal du bot")
        return self._maybe_store


def _make_room(mails: MailTable, limit: int, recipient: int | None = None) -> bool:
    """Return whether one more mail fits, if need be in the place of the oldest that was read."""
    if mails.count(recipient) < limit:
        return True
    oldest = mails.oldest_read(recipient)
    if oldest is None:
        return False
    mails.delete(oldest)
    return True
