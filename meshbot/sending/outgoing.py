"""What is to go on air, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from math import inf
from typing import Final

from meshbot.mesh_link import BROADCAST_NUM


class Priority(IntEnum):
    """What a text is, and who goes first: the smaller number. Numbers are stored."""

    ANSWER = 1
    MAIL = 2
    BRIDGE = 3
    ALERT = 4


# Packets of each kind that wait at most; some 1.5 kB each in memory
WAITING_LIMITS: Final[Mapping[Priority, int]] = {
    Priority.ANSWER: 100,  # nearly four minutes of air: more would only expire
    Priority.MAIL: 100,
    Priority.BRIDGE: 300,  # 100 messages of three packets, eleven minutes of air
    Priority.ALERT: 100,
}


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """One text for one destination, before it is cut into packets."""

    text: str
    to: int  # node number, BROADCAST_NUM for everybody on the channel
    channel: int = 0
    reply_id: int = 0  # packet id of the question, 0 for none
    want_ack: bool = False
    expires_at: float = inf  # monotonic seconds; at most the kind's lifetime from now
    priority: Priority = Priority.ANSWER
    origin: str = ""  # who is told what became of it, in that one's own words; empty: nobody

    @property
    def is_broadcast(self) -> bool:
        """Whether it goes to everybody on its channel."""
        return self.to == BROADCAST_NUM


class DeliveryStatus(Enum):
    """How a text's story went on, as said in the log."""

    QUEUED = "en attente"
    ACCEPTED = "acceptée par le nœud"
    POSTPONED = "remise à plus tard"
    ACKNOWLEDGED = "acquittée par le destinataire"
    RELAYED = "relayée par un voisin, sans accusé du destinataire"
    UNANSWERED = "acceptée par le nœud, puis sans nouvelle du réseau"
    REFUSED = "refusée par le nœud"
    FAILED = "non remise"
    EXPIRED = "expirée avant l'envoi"
    UNCONFIRMED = "sans confirmation du nœud"
    TURNED_AWAY = "refusée, trop d'envois en attente"


WAITING: Final = frozenset({DeliveryStatus.QUEUED, DeliveryStatus.POSTPONED})
# What a text in the queue waits for, apart from its turn
NO_LINK: Final = "NO_LINK"
BUSY_CHANNEL: Final = "BUSY_CHANNEL"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one text."""

    message: OutgoingText
    status: DeliveryStatus
    detail: str = ""  # the reason in words, for the log
    reason: str = ""  # the same as a name: an error's (delivery.py), or what it waits for
    ahead: int = 0  # packets that go before a text in the queue
    packet_ids: tuple[int, ...] = ()  # under which the node has taken it

    @property
    def is_end(self) -> bool:
        """Whether nothing follows; a text has one end."""
        return self.status not in WAITING and not (self.status is DeliveryStatus.ACCEPTED and self.message.want_ack)


class PartState(StrEnum):
    """How far a packet has come. Names are stored."""

    WAITING = "waiting"  # not sent under its id
    SENT = "sent"  # under its id, and the node has not confirmed it
    ACCEPTED = "accepted"  # by the node, and the mesh has not acknowledged it


@dataclass(frozen=True, slots=True)
class SavedPart:
    """One packet as it survives a restart. Times are wall seconds since 1970."""

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
    attempts: int  # tries that were refused so far
    sent_at: int | None  # first, under its present id
    origin: str


Changes = Mapping[int, SavedPart | None]  # what to keep of each packet by its id, None for nothing
