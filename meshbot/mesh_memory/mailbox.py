"""Letters: the mail that mesh users leave for each other, and who is yet to be told of some."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from meshbot.runtime import Clock
from meshbot.storage import Mail, MailStore, StorageError


class Mailbox:
    """A part of MeshMemory; thread-safe. Each call is one transaction, and what returned is kept."""

    def __init__(self, mail: MailStore | None, clock: Clock, mail_ttl: float) -> None:
        """Letters are kept for `mail_ttl` seconds."""
        self._mail = mail
        self._mail_ttl = int(mail_ttl)
        self._clock = clock
        self._untold_lock = threading.Lock()
        self._untold: set[int] = set()  # recipients

    def send_mail(self, sender: int, recipient: int, text: str, *, proven: bool = True) -> int:
        """Keep a letter for a node and return its id. Raises MailboxFullError, StorageError."""
        letter_id = self._mailbox().send(sender, recipient, text, self._now(), proven=proven)
        with self._untold_lock:
            self._untold.add(recipient)
        return letter_id

    def mail_of(self, recipient: int) -> list[Mail]:
        """Return a node's letters, the oldest first: a letter's place is its number for people. Raises StorageError."""
        return self._mailbox().of(recipient)

    def has_untold_mail(self, recipient: int) -> bool:
        """Return whether a node is to be told of mail now that it is heard; asks no database."""
        with self._untold_lock:
            return recipient in self._untold

    def mark_mail_told(self, recipient: int) -> int:
        """Note that a node knows of all its mail; return when that was, for `mark_mail_untold`. Raises StorageError."""
        now = self._now()
        self._mailbox().mark_told(recipient, now)
        with self._untold_lock:
            self._untold.discard(recipient)
        return now

    def mark_mail_untold(self, recipient: int, told_at: int) -> None:
        """Note that what was told then did not reach the node. Raises StorageError."""
        if self._mailbox().mark_untold(recipient, told_at):
            with self._untold_lock:
                self._untold.add(recipient)

    def mark_mail_read(self, letters: Iterable[Mail]) -> None:
        """Note that letters were read. Raises StorageError."""
        self._mailbox().mark_read([letter.id for letter in letters], self._now())

    def delete_mail(self, recipient: int, letter_id: int) -> bool:
        """Delete one letter of a node; return whether it was there. Raises StorageError."""
        return self._mailbox().delete(recipient, letter_id)

    def load_untold(self) -> None:
        """Learn from the database who is to be told. Raises StorageError."""
        untold = self._mail.untold() if self._mail else set()
        with self._untold_lock:
            self._untold = untold

    def prune_mail(self) -> None:
        """Delete what nobody has fetched within `mail_ttl` seconds. Raises StorageError."""
        if self._mail is not None:
            self._mail.prune(self._now() - self._mail_ttl)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _mailbox(self) -> MailStore:
        if self._mail is None:
            raise StorageError("pas de base de données, voir le journal du bot")
        return self._mail
