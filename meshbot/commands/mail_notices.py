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
# Seconds without a try after the database failed, which logs that itself
RETRY_AFTER: Final = 60.0
# Seconds; a node heard longer ago may have gone
NOTICE_TTL: Final = 600.0
SENDERS_SHOWN: Final = 3
TEXT_PORT: Final = 1  # TEXT_MESSAGE_APP


class MailNotices:
    """For one thread, which may wait for the disk."""

    def __init__(
        self,
        mailbox: Mailbox,
        directory: Directory,
        clock: Clock,
        send: Callable[[OutgoingText], object],
        translate: Translate,
    ) -> None:
        """`send` only puts into an inbox."""
        self._mailbox = mailbox
        self._directory = directory
        self._clock = clock
        self._send = send
        self._translate = translate
        self._not_before: dict[int, float] = {}  # by recipient, those of the last notices
        self._failed: Counter[int] = Counter()  # notices in a row that failed, by recipient

    def on_packet(self, packet: PacketRecord) -> None:
        """Send a notice to a node that was just heard, if it has new mail. Raises nothing.

        Not after a direct text, which may be the question for that mail: its next packet acknowledges the answer.
        Nor for what our own node only had in its database.
        """
        num, now = packet.sender, self._clock.monotonic()
        if packet.is_replay or (packet.portnum == TEXT_PORT and packet.to != BROADCAST_NUM):
            return
        if not self._mailbox.is_unnotified(num) or now < self._not_before.get(num, -inf):
            return
        self._not_before = {each: due for each, due in self._not_before.items() if due > now}
        try:
            unannounced = [mail for mail in self._mailbox.mails_of(num) if mail.notified_at is None]
            # before it is sent: better one notice too few than one for every packet
            notified_at = self._mailbox.mark_notified(num)
        except StorageError:
            self._not_before[num] = now + RETRY_AFTER
            return
        if unannounced:
            self._not_before[num] = now + AT_MOST_EVERY
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

    def on_delivery_report(self, report: DeliveryReport) -> None:
        """Take a notice's report; one that failed is sent again, later each time. Raises nothing."""
        origin = report.message.origin
        if not isinstance(origin, MailNoticeOrigin) or not report.is_end:
            return
        recipient = origin.recipient
        if report.status is DeliveryStatus.ACKNOWLEDGED:
            del self._failed[recipient]
            return
        wait = min(AT_MOST_EVERY * 2 ** self._failed[recipient], LONGEST_WAIT)
        self._failed[recipient] += 1
        self._not_before[recipient] = self._clock.monotonic() + wait
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


def sender_of(mail: Mail, directory: Directory) -> str:
    """Return the name of the sender, with a `?` if another node may have used that number."""
    return called(directory, mail.sender, IN_A_SENTENCE) + ("" if mail.proven else "?")
