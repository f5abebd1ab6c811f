"""What is to go on air, and what became of it."""

from __future__ import annotations

import re
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


# Seconds that a text of each kind is worth sending; settings give their own
LIFETIMES: Final[Mapping[Priority, float]] = {
    Priority.ANSWER: 120.0,
    Priority.MAIL: 30 * 86400.0,
    Priority.BRIDGE: 3600.0,
    Priority.ALERT: 3600.0,
}

# Packets of each kind that wait at most; some 1.5 kB each in memory
WAITING_LIMITS: Final[Mapping[Priority, int]] = {
    Priority.ANSWER: 100,  # nearly four minutes of air: more would only expire
    Priority.MAIL: 100,
    Priority.BRIDGE: 300,  # 100 messages of three packets, eleven minutes of air
    Priority.ALERT: 100,
}


@dataclass(frozen=True, slots=True)
class MailNoticeOrigin:
    """A notice to a node that mail waits for it."""

    recipient: int  # node number
    told_at: int  # wall seconds since 1970, as stored with each mail that the notice is about


@dataclass(frozen=True, slots=True)
class EchoOrigin:
    """The command /echo, asked by radio."""

    asker: int  # node number


@dataclass(frozen=True, slots=True)
class TelegramOrigin:
    """A message in a Telegram chat."""

    chat_id: int
    topic: int | None  # message_thread_id
    message_id: int


# Who sent a text, and so gets its delivery reports
Origin = MailNoticeOrigin | EchoOrigin | TelegramOrigin
STORED_MAIL_NOTICE: Final = re.compile(r"mail:([0-9a-f]{1,8}):([0-9]{1,12})")
STORED_ECHO: Final = re.compile(r"echo:([0-9a-f]{1,8})")
STORED_TELEGRAM: Final = re.compile(r"telegram:(-?[0-9]{1,16}):([0-9]{1,16}):([0-9]{1,16})")


def encode_origin(origin: Origin | None) -> str:
    """Return the origin as it is stored; None is the empty string."""
    match origin:
        case MailNoticeOrigin():
            return f"mail:{origin.recipient:x}:{origin.told_at}"
        case EchoOrigin():
            return f"echo:{origin.asker:x}"
        case TelegramOrigin():
            return f"telegram:{origin.chat_id}:{origin.topic or 0}:{origin.message_id}"
        case None:
            return ""


def decode_origin(stored: str) -> Origin | None:
    """Return the origin that was stored so, None for any other text."""
    if match := STORED_MAIL_NOTICE.fullmatch(stored):
        return MailNoticeOrigin(int(match[1], 16), int(match[2]))
    if match := STORED_ECHO.fullmatch(stored):
        return EchoOrigin(int(match[1], 16))
    if match := STORED_TELEGRAM.fullmatch(stored):
        return TelegramOrigin(int(match[1]), int(match[2]) or None, int(match[3]))
    return None


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
    origin: Origin | None = None  # who gets its delivery reports

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
    origin: Origin | None


Changes = Mapping[int, SavedPart | None]  # what to keep of each packet by its id, None for nothing
