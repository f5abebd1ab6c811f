"""Mailbox: mails that mesh users leave for each other, and who is yet to be notified of some."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import Final

from meshbot.runtime import Clock, MeshBotError
from meshbot.storage import Mail, MailScope, MailStore, MailTable, StorageError

LOGGER = logging.getLogger(__name__)
MAX_MAIL: Final = 20  # for one recipient
# For all together: with 100 recipients a mesh is busy; 600 kB at most, whoever floods
MAX_ALL: Final = 2000
# Of one sender: nobody fills another's mailbox alone
MAX_SENDER: Final = 5  # for one recipient
MAX_SENDER_ALL: Final = 50
# Of all whose number may be forged: each letter may claim another sender, so only a share bounds them
MAX_UNPROVEN: Final = MAX_MAIL // 2
MAX_UNPROVEN_ALL: Final = MAX_ALL // 2


class Full(Enum):
    """Which room is used up."""

    SENDER = "sender"  # for the sender's letters to this recipient
    SENDER_ALL = "sender, all"
    UNPROVEN = "unproven"  # for letters of senders who may be forged
    RECIPIENT = "recipient"
    ALL = "all"


class MailboxFullError(MeshBotError):
    """There is no room for a mail, and none of those that use it up was read."""

    def __init__(self, full: Full) -> None:
        super().__init__(f"no room for a mail: {full.value}")
        self.full = full


def _alone(num: int) -> tuple[int, ...]:
    return (num,)


class Mailbox:
    """Thread-safe. Each call is one transaction, and what returned is kept."""

    def __init__(
        self, store: MailStore | None, clock: Clock, mail_ttl: float, numbers: Callable[[int], tuple[int, ...]] = _alone
    ) -> None:
        """Mails are kept for `mail_ttl` seconds.

        `numbers` returns all numbers of the node that has this one, the present one first; it never waits.
        """
        self.numbers = numbers
        self._maybe_store = store
        self.set_ttl(mail_ttl)
        self._clock = clock
        # protects `_unnotified`; held for no I/O
        self._unnotified_lock = threading.Lock()
        self._unnotified: set[int] = set()
        # numbers whose notices since then went to another node, as was found out since
        self._misdirected: dict[int, int] = {}

    def set_ttl(self, seconds: float) -> None:
        """Keep mails for so long from now on."""
        self._mail_ttl = int(seconds)

    def send(self, sender: int, recipient: int, text: str, *, proven: bool = True) -> int:
        """Keep a mail for a node and return its id; the oldest that was read makes room.

        Raises MailboxFullError if none was read, and StorageError.
        """
        recipients = self.numbers(recipient)
        # under the first number: it is its node's also if it turns out that the last one is not
        recipient = recipients[-1]
        with self._store.transaction() as mails:
            for scope, limit, full in _limits(self.numbers(sender), recipients, proven=proven):
                if not _make_room(mails, scope, limit):
                    raise MailboxFullError(full)
            mail_id = mails.insert(sender, recipient, text, self._now(), proven=proven)
        with self._unnotified_lock:
            self._unnotified.add(recipient)
        return mail_id

    def mails_of(self, recipient: int) -> list[Mail]:
        """Return a node's mails, the oldest first: a mail's place is its number for people. Raises StorageError."""
        return self._store.mails_of(self.numbers(recipient))

    def totals(self) -> tuple[int, int, int]:
        """Return how many mails are kept, how many of them are unread, and for how many nodes. Raises StorageError."""
        return self._store.totals()

    def correspondents(self) -> set[int]:
        """Return who has or sent mail; only who is to be notified if the database cannot be read."""
        try:
            return self._store.correspondents()
        except StorageError as error:
            LOGGER.debug("Courrier illisible: %s", error)
        with self._unnotified_lock:
            return set(self._unnotified)

    def is_unnotified(self, recipient: int) -> bool:
        """Return whether a node is to be notified of mail now that it is heard; asks no database."""
        recipients = self.numbers(recipient)
        with self._unnotified_lock:
            return not self._unnotified.isdisjoint(recipients)

    def mark_notified(self, recipient: int) -> int:
        """Note that a node knows of all its mail; return when that was, for `mark_unnotified`. Raises StorageError."""
        now, recipients = self._now(), self.numbers(recipient)
        self._store.mark_notified(recipients, now)
        with self._unnotified_lock:
            self._unnotified.difference_update(recipients)
        return now

    def mark_unnotified(self, recipient: int, notified_at: int) -> None:
        """Note that the notice sent then did not reach the node. Raises StorageError."""
        if self._store.mark_unnotified(self.numbers(recipient), notified_at):
            with self._unnotified_lock:
                self._unnotified.add(recipient)

    def recall_notices(self, since: Mapping[int, int]) -> None:
        """Have these numbers notified again of what they have not read: their notices since then were not theirs.

        Raises nothing: what the database refuses is tried at the next call.
        """
        self._misdirected.update(since)
        for recipient, at in list(self._misdirected.items()):
            try:
                is_unread = self._store.mark_unnotified_since(recipient, at)
            except StorageError as error:
                LOGGER.debug("Avis de courrier à 0x%08x: %s", recipient, error)
                continue
            del self._misdirected[recipient]
            if is_unread:
                with self._unnotified_lock:
                    self._unnotified.add(recipient)

    def mark_read(self, mails: Iterable[Mail]) -> None:
        """Note that mails were read. Raises StorageError."""
        self._store.mark_read([mail.id for mail in mails], self._now())

    def delete(self, recipient: int, mail_id: int) -> bool:
        """Delete one mail of a node; return whether it was there. Raises StorageError."""
        return self._store.delete(self.numbers(recipient), mail_id)

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


def _limits(
    senders: Collection[int], recipients: Collection[int], *, proven: bool
) -> list[tuple[MailScope, int, Full]]:
    """Return what bounds a mail, the narrowest first: who fills a share alone learns that.

    What others write under a sender's number takes none of the room of the sender who proves to be it.
    """
    limits = [
        (MailScope(recipients, senders, proven), MAX_SENDER, Full.SENDER),
        (MailScope(senders=senders, proven=proven), MAX_SENDER_ALL, Full.SENDER_ALL),
        (MailScope(recipients), MAX_MAIL, Full.RECIPIENT),
        (MailScope(), MAX_ALL, Full.ALL),
    ]
    if not proven:
        limits[2:2] = [
            (MailScope(recipients, proven=False), MAX_UNPROVEN, Full.UNPROVEN),
            (MailScope(proven=False), MAX_UNPROVEN_ALL, Full.UNPROVEN),
        ]
    return limits


def _make_room(mails: MailTable, scope: MailScope, limit: int) -> bool:
    """Return whether one more mail fits, if need be in the place of the oldest that was read."""
    if mails.count(scope) < limit:
        return True
    oldest = mails.oldest_read(scope)
    if oldest is None:
        return False
    mails.delete(oldest)
    return True
