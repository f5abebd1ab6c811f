"""A text in the send queue: its packets, the state of each, and their stored form; pure.

A Pi's wall clock starts in the past and is set later, so times in memory are monotonic seconds, and wall time is used
only across a restart. The rule: after a restart nothing lives longer than its whole lifetime, whatever the wall clock
shows, and a clock behind the saved times counts as no time passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil, inf

from meshbot.mesh_link import TextPacket
from meshbot.sending.outgoing import Origin, OutgoingText, Priority
from meshbot.sending.receipts import BUSY_CHANNEL, NO_AIR, NO_LINK, DeliveryReport, DeliveryStatus
from meshbot.sending.retry_policy import PARTLY_SENT, policy_of

# Packets ahead, some ten seconds: a shorter wait is not reported
LONG_WAIT = 5
# Seconds after sending; a node that no neighbour repeats gives up after about 23 (link_facts §11)
EVIDENCE_TIME = 30.0
# Seconds from READY for what the node kept for us: it comes behind the configuration
SETTLE_TIME = 5.0
# Seconds in which every firmware still drops a repeated (sender, id)
RECEIVERS_REMEMBER = 300.0
# Seconds for an acknowledgement over many hops
ACK_TIMEOUT = 60.0
WAITS = {NO_LINK: "lien coupé", BUSY_CHANNEL: "canal occupé", NO_AIR: "temps d'émission de l'heure épuisé"}
# Of one packet on one link. A third would show nothing new, and a node that stalls for 20 s is a lost link: before that
# another text, read right behind this one, would be dropped without an error.
SENDS_PER_LINK = 2

# The last statuses of an acknowledged packet, from good to bad: a text's is the worst of its packets'
LAST_STATUSES = (
    DeliveryStatus.ACKNOWLEDGED,
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.RELAYED,
    DeliveryStatus.UNANSWERED,
)
# Kinds that are a conversation: none overtakes another to the same destination and channel
IN_ORDER = frozenset({Priority.BRIDGE})


class PartState(StrEnum):
    """The state of a packet. Values are stored."""

    WAITING = "waiting"  # not sent under its present id
    SENT = "sent"  # under its present id, not confirmed by the node
    ACCEPTED = "accepted"  # by the node, not acknowledged by the mesh


@dataclass(frozen=True, slots=True)
class SavedPart:
    """One packet as it is stored. Times are wall seconds since 1970."""

    id: int
    text_id: int  # the id of the first packet of its text
    created: int
    priority: Priority
    to: int
    channel: int
    text: str
    reply_id: int
    want_ack: bool
    packet_id: int
    expires_at: int
    state: PartState
    attempts: int  # retries after refusals so far
    sent_at: int | None  # first, under its present id; of one that waits: not before. None: not at all
    origin: Origin | None


Changes = Mapping[int, SavedPart | None]  # rows to write, by id; None: to delete


@dataclass(slots=True, eq=False)
class Part:
    """One packet of a text. Times are monotonic seconds."""

    id: int
    packet: TextPacket
    state: PartState = PartState.WAITING
    not_before: float = -inf
    first_sent: float = inf  # under the present id, as are the next two
    last_sent: float = -inf
    sends: int = 0  # on the present link
    boots: int = 0  # the node's count of reboots when it was sent; 0: unknown
    restored: bool = False  # from a process that may have sent it without having stored that
    attempts: int = 0  # retries after refusals, under all ids
    retries_by_error: Counter[str] = field(default_factory=Counter)
    last_error: str = ""  # the name of what refused it last
    ack_by: float = inf  # once accepted
    relayed: bool = False
    # milliseconds that its repeats may take yet, noted with its last transmission
    repeats: int = 0
    refused_ids: list[int] = field(default_factory=list)  # ids before the present one
    awaits_key: bool = False  # our node is to get the recipient's first: see key_cures.py

    @property
    def is_open(self) -> bool:
        """Whether the node has not accepted it."""
        return self.state is not PartState.ACCEPTED

    @property
    def is_unsent(self) -> bool:
        """Whether it surely was not sent under its present id."""
        return self.state is PartState.WAITING and self.first_sent == inf

    @property
    def sends_used_up(self) -> bool:
        """Whether it was sent on this link as often as makes sense: the text's next packet need not wait."""
        return self.state is PartState.SENT and self.sends >= SENDS_PER_LINK

    def may_be_with_the_node(self) -> bool:
        """Whether an answer to the present id can come."""
        return self.state is not PartState.WAITING or self.restored

    def prepare_for_link(self, boots: int, now: float) -> None:
        """Prepare it for a link that has just come up, or for the present one after a restart of the bot.

        `boots` is the node's count of its reboots, 0 if it has none.
        """
        self.sends, settled = 0, now + SETTLE_TIME
        rebooted = self.boots != boots and 0 not in {self.boots, boots}
        if self.state is PartState.ACCEPTED:
            self.ack_by = max(self.ack_by, settled) if self.ack_by < inf else now + ACK_TIMEOUT
            if not (rebooted and not self.relayed and now < self.first_sent + RECEIVERS_REMEMBER):
                return
            # the node lost its queue and the mesh has not answered: receivers drop a copy under the same id
            self.state, self.ack_by = PartState.SENT, inf
        if self.state is PartState.SENT:
            answers_come = self.packet.want_ack and not rebooted
            self.not_before = max(settled, self.last_sent + EVIDENCE_TIME) if answers_come else settled
        elif self.restored:
            self.not_before = settled

    def renew(self, packet_id: int, not_before: float, to: int) -> None:
        """Start over under a new id, to the number that its recipient has now."""
        old = self.packet
        self.refused_ids.append(old.packet_id)
        self.packet = TextPacket(packet_id, old.text, to, old.channel, old.reply_id, old.want_ack)
        self.state, self.not_before, self.restored, self.relayed = PartState.WAITING, not_before, False, False
        self.first_sent, self.last_sent, self.sends, self.boots, self.ack_by = inf, -inf, 0, 0, inf
        self.awaits_key = False
        self.repeats = 0


@dataclass(slots=True, eq=False)
class QueuedText:
    """One text with its unfinished packets in order."""

    id: int
    message: OutgoingText
    created: float  # monotonic seconds, as is the next
    expires_at: float
    parts: list[Part]
    was_sent: bool = False  # some of it, so that it may have been on air
    reported_accepted: bool = False
    reported_wait: str | None = None  # the reason last reported; None: none was
    worst_status: DeliveryStatus = DeliveryStatus.ACKNOWLEDGED  # of the finished packets
    accepted_ids: dict[int, None] = field(default_factory=dict)  # packet ids that the node accepted, in order

    @property
    def first_open(self) -> Part | None:
        """Return the first packet that the node has not accepted."""
        return next((part for part in self.parts if part.state is not PartState.ACCEPTED), None)

    @property
    def next_part(self) -> Part | None:
        """Return the packet that goes next."""
        open_parts = (part for part in self.parts if part.state is not PartState.ACCEPTED)
        return next((part for part in open_parts if not part.sends_used_up), None)

    def finish(self, part: Part, status: DeliveryStatus) -> None:
        """Remove a packet with its last status."""
        self.worst_status = max(self.worst_status, status, key=LAST_STATUSES.index)
        self.parts.remove(part)


QueuedPart = tuple[QueuedText, Part]


def waiting(texts: Iterable[QueuedText]) -> int:
    """Return how many of their packets the node has not accepted."""
    # a copy of each in one step: another thread may ask while the queue's own changes them
    return sum(part.is_open for text in texts for part in list(text.parts))


def unsent_rows(texts: Iterable[QueuedText]) -> list[list[int]]:
    """Return the rows of their packets that the node surely does not have, by text."""
    return list(filter(None, ([part.id for part in text.parts if part.is_unsent] for text in texts)))


def next_packets(
    texts: Iterable[QueuedText], goes_at: Callable[[QueuedText, Part], float]
) -> Iterator[tuple[QueuedText, Part, float]]:
    """Yield each text's next packet and when it may go; texts that keep their order do not overtake each other.

    `goes_at` returns when a packet may go, other texts apart.
    """
    earliest: dict[tuple[int, int], float] = {}
    for text in texts:
        if (part := text.next_part) is None:
            continue
        due = goes_at(text, part)
        if text.message.priority in IN_ORDER:
            destination = text.message.to, text.message.channel
            due = earliest[destination] = max(due, earliest.get(destination, -inf))
        yield text, part, due


def repeatable_until(part: Part, link_up_at: float) -> float:
    """Return from when receivers might show a copy twice; inf if no copy is due."""
    return inf if part.first_sent == inf else max(part.first_sent + RECEIVERS_REMEMBER, link_up_at + SETTLE_TIME)


def queued_report(text: QueuedText, reason: str = "", ahead: int = 0) -> list[DeliveryReport]:
    """Report what the text waits for, if that is new and more than a short wait; `ahead` packets go before it."""
    detail = WAITS.get(reason, f"derrière {ahead} autres")
    if text.reported_wait == reason or (not reason and ahead < LONG_WAIT):
        return []
    text.reported_wait = reason
    return [DeliveryReport(text.message, DeliveryStatus.QUEUED, detail, reason, ahead)]


def why_given_up(text: QueuedText, first: Part) -> tuple[DeliveryStatus, str, str]:
    """Return status, reason and its words of a text whose time is up; `first` is the packet that comes next."""
    if first.first_sent < inf:
        return DeliveryStatus.UNCONFIRMED, "", ""
    reason = first.last_error or (PARTLY_SENT if text.was_sent else "")
    words = f"{reason}: {policy_of(reason).words}" if reason else ""
    return DeliveryStatus.FAILED if text.was_sent else DeliveryStatus.EXPIRED, reason, words


def saved(text: QueuedText, part: Part, offset: float, unsent_until: float = inf) -> SavedPart:
    """Return the packet as a row; `offset` is wall minus monotonic time.

    One that waits may be sent, and the process killed, before the next row is written: then this row tells by
    `unsent_until`, inf for not before another row, how long receivers know the id at least.
    """
    message, packet = text.message, part.packet
    sent_at = unsent_until if part.is_unsent else part.first_sent
    return SavedPart(
        id=part.id,
        text_id=text.id,
        created=int(text.created + offset),
        priority=message.priority,
        to=message.to,
        channel=message.channel,
        text=packet.text,
        reply_id=message.reply_id,
        want_ack=message.want_ack,
        packet_id=packet.packet_id,
        expires_at=ceil(text.expires_at + offset),
        state=part.state,
        attempts=part.attempts,
        sent_at=int(sent_at + offset) if sent_at < inf else None,
        origin=message.origin,
    )


def restored(rows: Iterable[SavedPart], now: float, wall: float) -> list[QueuedText]:
    """Return the texts of these rows in order; `now` is monotonic, `wall` the same moment's wall time."""
    texts: dict[int, QueuedText] = {}
    for row in sorted(rows, key=lambda row: row.id):
        if row.text_id not in texts:
            texts[row.text_id] = _text(row, now, wall)
        text = texts[row.text_id]
        text.parts.append(_part(row, now, wall))
        # retried after it was on air, or the first of its rows are gone because they were sent
        text.was_sent |= row.attempts > 0 or row.state is PartState.ACCEPTED or text.parts[0].id != row.text_id
    return list(texts.values())


def _text(row: SavedPart, now: float, wall: float) -> QueuedText:
    left = min(row.expires_at - wall, row.expires_at - row.created)
    age = max(0.0, wall - row.created)
    message = OutgoingText(
        row.text,
        row.to,
        row.channel,
        row.reply_id,
        row.want_ack,
        now + left,
        row.priority,
        row.origin,
        # who asked is not stored
        for_stranger=row.priority is Priority.ANSWER,
    )
    return QueuedText(row.text_id, message, now - age, now + left, [])


def _part(row: SavedPart, now: float, wall: float) -> Part:
    packet = TextPacket(row.packet_id, row.text, row.to, row.channel, row.reply_id, row.want_ack)
    part = Part(row.id, packet, row.state, attempts=row.attempts, restored=True)
    if row.state is not PartState.WAITING or row.sent_at is not None:
        age = 0.0 if row.sent_at is None else max(0.0, wall - row.sent_at)
        # it may have been sent, or repeated, just before the process ended
        part.first_sent, part.last_sent = now - age, now
    return part
