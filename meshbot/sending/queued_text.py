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
from meshbot.sending.receipts import DeliveryStatus

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
    sent_at: int | None  # first, under its present id
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
    ack_by: float = inf  # once accepted
    relayed: bool = False
    refused_ids: list[int] = field(default_factory=list)  # ids before the present one

    @property
    def is_open(self) -> bool:
        """Whether the node has not accepted it."""
        return self.state is not PartState.ACCEPTED

    @property
    def sends_used_up(self) -> bool:
        """Whether it was sent on this link as often as makes sense: the text's next packet need not wait."""
        return self.state is PartState.SENT and self.sends >= SENDS_PER_LINK

    def may_be_with_the_node(self) -> bool:
        """Whether an answer to the present id can come."""
        return self.state is not PartState.WAITING or self.restored

    def renew(self, packet_id: int, not_before: float) -> None:
        """Start over under a new id."""
        old = self.packet
        self.refused_ids.append(old.packet_id)
        self.packet = TextPacket(packet_id, old.text, old.to, old.channel, old.reply_id, old.want_ack)
        self.state, self.not_before, self.restored, self.relayed = PartState.WAITING, not_before, False, False
        self.first_sent, self.last_sent, self.sends, self.boots, self.ack_by = inf, -inf, 0, 0, inf


@dataclass(slots=True, eq=False)
class QueuedText:
    """One text with its unfinished packets in order."""

    id: int
    message: OutgoingText
    created: float  # monotonic seconds, as is the next
    expires_at: float
    parts: list[Part]
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


@dataclass(slots=True)
class Rows:
    """The numbers of the packets' rows, upwards from the first, and which of them are to be written."""

    first: int = 1
    _count: int = 0  # numbered so far
    _changed: dict[int, QueuedPart | None] = field(default_factory=dict)  # None: to delete

    def new(self) -> int:
        """Return the next number."""
        self._count += 1
        return self.first + self._count - 1

    def save(self, text: QueuedText, part: Part) -> None:
        """Have a packet written."""
        self._changed[part.id] = text, part

    def delete(self, part: Part) -> None:
        """Have a packet's row deleted."""
        self._changed[part.id] = None

    def renumber(self, text: QueuedText) -> None:
        """Change a restored text's rows if this process gives such numbers too: the clock was set back."""
        if text.parts[-1].id < self.first:
            return
        for part in text.parts:
            if not 0 <= part.id - self.first < self._count:
                self._changed[part.id] = None
            part.id = self.new()
            self._changed[part.id] = text, part
        text.id = text.parts[0].id

    def take_changes(self, offset: float) -> Changes:
        """Hand over the rows that changed since the last call; `offset` is wall minus monotonic time."""
        changed, self._changed = self._changed, {}
        return {row: None if found is None else saved(*found, offset) for row, found in changed.items()}


def waiting(texts: Iterable[QueuedText]) -> int:
    """Return how many of their packets the node has not accepted."""
    # a copy of each in one step: another thread may ask while the queue's own changes them
    return sum(part.is_open for text in texts for part in list(text.parts))


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


def saved(text: QueuedText, part: Part, offset: float) -> SavedPart:
    """Return the packet as a row; `offset` is wall minus monotonic time."""
    message, packet = text.message, part.packet
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
        sent_at=int(part.first_sent + offset) if part.first_sent < inf else None,
        origin=message.origin,
    )


def restored(rows: Iterable[SavedPart], now: float, wall: float) -> list[QueuedText]:
    """Return the texts of these rows in order; `now` is monotonic, `wall` the same moment's wall time."""
    texts: dict[int, QueuedText] = {}
    for row in sorted(rows, key=lambda row: row.id):
        if row.text_id not in texts:
            texts[row.text_id] = _text(row, now, wall)
        texts[row.text_id].parts.append(_part(row, now, wall))
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
    if row.state is not PartState.WAITING:
        age = 0.0 if row.sent_at is None else max(0.0, wall - row.sent_at)
        # it may have been repeated just before the process ended
        part.first_sent, part.last_sent = now - age, now
    return part
