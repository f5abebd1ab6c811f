"""Telling a node that mail waits for it, once it is heard; never twice within an hour, and again if it failed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from typing import Final, Protocol

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import IN_A_SENTENCE, Directory, called
from meshbot.mesh_link import BROADCAST_NUM, PacketRecord
from meshbot.runtime import Clock
from meshbot.sending import DeliveryReport, DeliveryStatus, MailNoticeOrigin, OutgoingText, Priority
from meshbot.storage import Mail, StorageError

LOGGER = logging.getLogger(__name__)
AT_MOST_EVERY: Final = 3600.0  # seconds between two notices to one node; twice as long after each that failed
DAY: Final = 86400.0  # seconds: no longer than this
RETRY_AFTER: Final = 60.0  # seconds that a mailbox out of reach is left alone, which the database itself has said
NOTICE_TTL: Final = 600.0  # seconds: whoever was heard so long ago may have gone
SENDERS_SHOWN: Final = 3
TEXT_PORT: Final = 1  # TEXT_MESSAGE_APP


class Mailbox(Directory, Protocol):
    """Where letters are kept; MeshMemory is one."""

    def has_untold_mail(self, recipient: int) -> bool:
        """Return whether a node may have to be told; asks no database."""

    def mail_of(self, recipient: int) -> list[Mail]:
        """Return a node's letters. Raises StorageError."""

    def mark_mail_told(self, recipient: int) -> int:
        """Note that a node knows of all its mail; return the time of that. Raises StorageError."""
        ...

    def mark_mail_untold(self, recipient: int, told_at: int) -> None:
        """Note that what was told then did not reach the node. Raises StorageError."""


class MailNotices:
    """For one thread, which may wait for the disk."""

    def __init__(
        self, mailbox: Mailbox, clock: Clock, send: Callable[[OutgoingText], object], translate: Translate
    ) -> None:
        """`send` only puts into an inbox."""
        self._mailbox = mailbox
        self._clock = clock
        self._send = send
        self._translate = translate
        self._not_before: dict[int, float] = {}  # by recipient; as many as were told lately
        self._failed: Counter[int] = Counter()  # notices in a row that did not reach a recipient

    def heard(self, packet: PacketRecord) -> None:
        """Tell a node that was just heard of its new mail, if it has some. Raises nothing.

        Not on a direct text, which may be a question for that mail: the acknowledgement of the answer is heard next.
        """
        num, now = packet.sender, self._clock.monotonic()
        if packet.portnum == TEXT_PORT and packet.to != BROADCAST_NUM:
            return
        if not self._mailbox.has_untold_mail(num) or now < self._not_before.get(num, -inf):
            return
        self._not_before = {each: due for each, due in self._not_before.items() if due > now}
        try:
            untold = [letter for letter in self._mailbox.mail_of(num) if letter.told_at is None]
            told_at = self._mailbox.mark_mail_told(num)  # first: rather one too few than one at every packet
        except StorageError:
            self._not_before[num] = now + RETRY_AFTER
            return
        if untold:
            self._not_before[num] = now + AT_MOST_EVERY
            self._send(
                OutgoingText(
                    self._text(untold),
                    num,
                    want_ack=True,
                    expires_at=now + NOTICE_TTL,
                    priority=Priority.MAIL,
                    origin=MailNoticeOrigin(num, told_at),
                )
            )

    def on_delivery_report(self, outcome: DeliveryReport) -> None:
        """Take what became of a notice; one that failed is told again, later each time. Raises nothing."""
        origin = outcome.message.origin
        if not isinstance(origin, MailNoticeOrigin) or not outcome.is_end:
            return
        recipient = origin.recipient
        if outcome.status is DeliveryStatus.ACKNOWLEDGED:
            del self._failed[recipient]
            return
        wait = min(AT_MOST_EVERY * 2 ** self._failed[recipient], DAY)
        self._failed[recipient] += 1
        self._not_before[recipient] = self._clock.monotonic() + wait
        try:
            self._mailbox.mark_mail_untold(recipient, origin.told_at)
        except StorageError as error:  # the database itself says so; the letters wait, only unannounced
            LOGGER.debug("Avis de courrier à 0x%08x: %s", recipient, error)

    def _text(self, letters: Sequence[Mail]) -> str:
        senders = list(dict.fromkeys(sender_of(letter, self._mailbox) for letter in letters))
        names = ", ".join(senders[:SENDERS_SHOWN])
        names += ", …" if len(senders) > SENDERS_SHOWN else ""
        text = self._translate(_("✉️ New mail for you: {count}, from {names}. /mail reads it."))
        return text.format(count=len(letters), names=names)


def sender_of(letter: Mail, directory: Directory) -> str:
    """Return how a letter's sender is called, with a `?` if anybody may have sent it under that number."""
    return called(directory, letter.sender, IN_A_SENTENCE) + ("" if letter.proven else "?")
