"""Sending: texts and traceroutes for the radio, their order and pacing, and their delivery reports."""

from meshbot.sending.after_answer import AfterAnswer
from meshbot.sending.air_budget import SHARES, Account, AirBudget
from meshbot.sending.air_time import duty_cycle, modem_of, packet_bytes, signed_text_bytes
from meshbot.sending.channel_load import ChannelHold
from meshbot.sending.key_cures import KeyCure, KeyCures
from meshbot.sending.limits import SendLimits
from meshbot.sending.moved_numbers import MovedNumbers
from meshbot.sending.outbox_figures import OutboxFigures, outbox_figures
from meshbot.sending.outgoing import (
    ControlOrigin,
    EchoOrigin,
    MailNoticeOrigin,
    Origin,
    OutgoingText,
    Priority,
    TelegramOrigin,
    decode_origin,
    encode_origin,
    new_packet_id,
)
from meshbot.sending.queue import SendQueue
from meshbot.sending.queue_rows import QueueRows
from meshbot.sending.queued_text import Changes, PartState, SavedPart
from meshbot.sending.receipts import BUSY_CHANNEL, NO_AIR, NO_LINK, DeliveryReport, DeliveryStatus, ReportRouter
from meshbot.sending.retry_policy import NO_ACK, PARTLY_SENT, TX_QUEUE_FULL
from meshbot.sending.sender import KeyQuestion, LinkChange, MeshSender, RestoredQueue
from meshbot.sending.traceroute import TRACE_TIMEOUT, NoRoute, NoRouteError, TooSoonError, Tracer

__all__ = [
    "BUSY_CHANNEL",
    "NO_ACK",
    "NO_AIR",
    "NO_LINK",
    "PARTLY_SENT",
    "SHARES",
    "TRACE_TIMEOUT",
    "TX_QUEUE_FULL",
    "Account",
    "AfterAnswer",
    "AirBudget",
    "Changes",
    "ChannelHold",
    "ControlOrigin",
    "DeliveryReport",
    "DeliveryStatus",
    "EchoOrigin",
    "KeyCure",
    "KeyCures",
    "KeyQuestion",
    "LinkChange",
    "MailNoticeOrigin",
    "MeshSender",
    "MovedNumbers",
    "NoRoute",
    "NoRouteError",
    "Origin",
    "OutboxFigures",
    "OutgoingText",
    "PartState",
    "Priority",
    "QueueRows",
    "ReportRouter",
    "RestoredQueue",
    "SavedPart",
    "SendLimits",
    "SendQueue",
    "TelegramOrigin",
    "TooSoonError",
    "Tracer",
    "decode_origin",
    "duty_cycle",
    "encode_origin",
    "modem_of",
    "new_packet_id",
    "outbox_figures",
    "packet_bytes",
    "signed_text_bytes",
]
