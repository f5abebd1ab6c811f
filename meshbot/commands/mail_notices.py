"""Notices to nodes that mail waits for them, sent when they are heard: at most one an hour, retried if it failed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import IN_A_SENTENCE, Directory, called
from meshbot.mesh_link import BROADCAST_NUM, PacketRecord
from meshbot.mesh_memory import Mailbox
from meshbot.runtime import Clock
from meshbot.sending import DeliveryReport, DeliveryStatus, MailNoticeOrigin, OutgoingText, Priority
from meshbot.storage import Mail, StorageError

LOGGER = logging.getLogger(__name__)
# Seconds between two notices to one node; doubled after each that failed
AT_MOST_EVERY: Final = 3600.0
LONGEST_WAIT: Final = 86400.0  # seconds
DOUBLINGS: Final = 5  # that reach it
# Seconds without a try after the database failed, which logs that itself
RETRY_AFTER: Final = 60.0
# Seconds; a node heard longer ago may have gone
NOTICE_TTL: Final = 600.0
SENDERS_SHOWN: Final = 3
TEXT_PORT: Final = 1  # TEXT_MESSAGE_APP


def _unknown(_num: int) -> None:
    return None


class MailNotices:
    """For one thread, which may wait for the disk."""

    def __init__(
        self,
        mailbox: Mailbox,
        directory: Directory,
        clock: Clock,
        send: Callable[[OutgoingText], object],
        translate: Translate,
        *,
        old_number: Callable[[int], int | None] = _unknown,
    ) -> None:
        """`send` only puts into an inbox.

        `old_number` returns the silent number whose node this one says to be, without having proven it.
        """
        self._old_number = old_number
        self._mailbox = mailbox
        self._directory = directory
        self._clock = clock
        self._send = send
        self._translate = translate
        self._not_before: dict[int, float] = {}  # by recipient, those of the last notices
        self._failed: Counter[int] = Counter()  # notices in a row that failed, by recipient
        # notices of an old number's mail to a new one that has proven nothing
        self._unproven: Counter[int] = Counter()

    def on_packet(self, packet: PacketRecord) -> None:
        """Send a notice to a node that was just heard, if it has new mail. Raises nothing.

        Not after a direct text, which may be the question for that mail: its next packet acknowledges the answer.
        Nor for what our own node only had in its database.
        """
        num, now = packet.sender, self._clock.monotonic()
        if packet.is_replay or (packet.portnum == TEXT_PORT and packet.to != BROADCAST_NUM):
            return
        # a node that has another number now: it is not there any more
        if now < self._not_before.get(num, -inf) or num != self._mailbox.numbers(num)[0]:
            return
        old = self._old_number(num)
        of_old = old is not None and self._mailbox.is_unnotified(old)
        if not of_old and not self._mailbox.is_unnotified(num):
            return
        # nobody would read it; who asks by /mail gets the letter
        if (view := self._directory.node(num)) is not None and view.is_unmessageable:
            return
        self._not_before = {each: due for each, due in self._not_before.items() if due > now}
        try:
            unannounced = self._unannounced(num)
            if of_old and old is not None:
                unannounced += self._unannounced(old)
            # before it is sent: better one notice too few than one for every packet
            notified_at = self._mailbox.mark_notified(num)
        except StorageError:
            self._not_before[num] = now + RETRY_AFTER
            return
        if unannounced:
            self._not_before[num] = now + self._wait(num, of_old=of_old)
            self._send(
                OutgoingText(
                    self._text(unannounced),
                    num,
                    want_ack=True,
                    expires_at=now + NOTICE_TTL,
                    priority=Priority.MAIL,
                    origin=MailNoticeOrigin(num, notified_at),
                    # invented senders must not have the bot fill the hour
                    for_stranger=not any(mail.proven for mail in unannounced),
                )
            )

    def _unannounced(self, num: int) -> list[Mail]:
        return [mail for mail in self._mailbox.mails_of(num) if mail.notified_at is None]

    def _wait(self, num: int, *, of_old: bool) -> float:
        """Return the seconds until the next notice.

        The old number's mail stays unannounced until it is read: anybody can acknowledge what only its node can read.
        """
        if not of_old:
            return AT_MOST_EVERY
        wait = _longer(self._unproven[num])
        self._unproven[num] += 1
        return wait

    def on_delivery_report(self, report: DeliveryReport) -> None:
        """Take a notice's report; one that failed is sent again, later each time. Raises nothing."""
        origin = report.message.origin
        if not isinstance(origin, MailNoticeOrigin) or not report.is_end:
            return
        recipient = origin.recipient
        if report.status is DeliveryStatus.ACKNOWLEDGED:
            del self._failed[recipient]
            return
        wait = _longer(self._failed[recipient])
        self._failed[recipient] += 1
        due = self._clock.monotonic() + wait
        self._not_before[recipient] = max(due, self._not_before.get(recipient, -inf))
        try:
            self._mailbox.mark_unnotified(recipient, origin.notified_at)
        except StorageError as error:
            # the database logs it itself; the mail is kept, only without a notice
            LOGGER.debug("Avis de courrier à 0x%08x: %s", recipient, error)

    def _text(self, mails: Sequence[Mail]) -> str:
        senders = list(dict.fromkeys(sender_of(mail, self._directory) for mail in mails))
        names = ", ".join(senders[:SENDERS_SHOWN])
        names += ", …" if len(senders) > SENDERS_SHOWN else ""
        text = self._translate(_("✉️ New mail for you: {count}, from {names}. /mail reads it."))
        return text.format(count=len(mails), names=names)


def _longer(times: int) -> float:
    return min(AT_MOST_EVERY * 2.0 ** min(times, DOUBLINGS), LONGEST_WAIT)


def sender_of(mail: Mail, directory: Directory) -> str:
    """Return the name of the sender, with a `?` if another node may have used that number."""
    return called(directory, mail.sender, IN_A_SENTENCE) + ("" if mail.proven else "?")
