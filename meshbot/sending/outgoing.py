"""Texts for the radio: where each goes, how urgent it is, and who sent it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import IntEnum
from math import inf
from typing import Final

from meshbot.mesh_link import BROADCAST_NUM, TextPacket


class Priority(IntEnum):
    """The kind of a text; the smaller number goes first. Numbers are stored."""

    ANSWER = 1
    MAIL = 2
    BRIDGE = 3
    ALERT = 4


def new_packet_id() -> int:
    """Return a packet id: 32 random bits, never 0."""
    return secrets.randbits(32) or 1


@dataclass(frozen=True, slots=True)
class MailNoticeOrigin:
    """A notice to a node that mail waits for it."""

    recipient: int  # node number
    notified_at: int  # wall seconds since 1970, as stored with each mail that the notice is about


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


@dataclass(frozen=True, slots=True)
class ControlOrigin:
    """A client of the control socket."""

    number: int  # of the text, which its answers name


# Who sent a text, and so gets its delivery reports
Origin = MailNoticeOrigin | EchoOrigin | TelegramOrigin | ControlOrigin
STORED_MAIL_NOTICE: Final = re.compile(r"mail:([0-9a-f]{1,8}):([0-9]{1,12})")
STORED_ECHO: Final = re.compile(r"echo:([0-9a-f]{1,8})")
STORED_CONTROL: Final = re.compile(r"control:([0-9a-f]{1,8})")
STORED_TELEGRAM: Final = re.compile(r"telegram:(-?[0-9]{1,16}):([0-9]{1,16}):([0-9]{1,16})")


def encode_origin(origin: Origin | None) -> str:
    """Return the origin as it is stored; None is the empty string."""
    match origin:
        case MailNoticeOrigin():
            return f"mail:{origin.recipient:x}:{origin.notified_at}"
        case EchoOrigin():
            return f"echo:{origin.asker:x}"
        case ControlOrigin():
            return f"control:{origin.number:x}"
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
    if match := STORED_CONTROL.fullmatch(stored):
        return ControlOrigin(int(match[1], 16))
    if match := STORED_TELEGRAM.fullmatch(stored):
        return TelegramOrigin(int(match[1]), int(match[2]) or None, int(match[3]))
    return None


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """One text for one destination, before it is cut into packets."""

    text: str
    to: int  # node number, BROADCAST_NUM for all on the channel
    channel: int = 0
    reply_id: int = 0  # packet id of the question, 0 for none
    want_ack: bool = False
    expires_at: float = inf  # monotonic seconds; at most the kind's lifetime from now
    priority: Priority = Priority.ANSWER
    origin: Origin | None = None  # who gets its delivery reports
    asker: int = 0  # node whose question it answers on a channel; 0: the node that it goes to
    for_stranger: bool = False  # who neither proved to be that node nor is on a list of the settings
    is_proven: bool = False  # who is answered has proved to be that node: it goes on a busy channel
    despite_load: bool = False  # so it does to anybody: it acknowledges mail

    @property
    def is_broadcast(self) -> bool:
        """Whether it goes to all on its channel."""
        return self.to == BROADCAST_NUM

    def packet(self, packet_id: int, piece: str) -> TextPacket:
        """Return one packet of it."""
        return TextPacket(packet_id, piece, self.to, self.channel, self.reply_id, self.want_ack)

    @property
    def person(self) -> int:
        """The node that it answers, if it is an answer."""
        return self.asker or self.to
