"""Sending: what goes on air, in which order, and what became of it."""

from meshbot.sending.after_answer import AfterAnswer
from meshbot.sending.outgoing import (
    BUSY_CHANNEL,
    NO_LINK,
    Changes,
    DeliveryReport,
    DeliveryStatus,
    EchoOrigin,
    MailNoticeOrigin,
    Origin,
    OutgoingText,
    PartState,
    Priority,
    SavedPart,
    TelegramOrigin,
    decode_origin,
    encode_origin,
)
from meshbot.sending.queue import SendQueue
from meshbot.sending.report_router import ReportRouter
from meshbot.sending.retry_policy import NO_ACK, TX_QUEUE_FULL
from meshbot.sending.sender import ChannelLoad, LinkChange, MeshSender, SavedOutbox
from meshbot.sending.traceroute import TRACE_TIMEOUT, NoRoute, NoRouteError, TooSoonError, Tracer

__all__ = [
    "BUSY_CHANNEL",
    "NO_ACK",
    "NO_LINK",
    "TRACE_TIMEOUT",
    "TX_QUEUE_FULL",
    "AfterAnswer",
    "Changes",
    "ChannelLoad",
    "DeliveryReport",
    "DeliveryStatus",
    "EchoOrigin",
    "LinkChange",
    "MailNoticeOrigin",
    "MeshSender",
    "NoRoute",
    "NoRouteError",
    "Origin",
    "OutgoingText",
    "PartState",
    "Priority",
    "ReportRouter",
    "SavedOutbox",
    "SavedPart",
    "SendQueue",
    "TelegramOrigin",
    "TooSoonError",
    "Tracer",
    "decode_origin",
    "encode_origin",
]
