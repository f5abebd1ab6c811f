"""The delivery status of a text that came from Telegram, shown on the message it came from; pure.

In a group a success costs no message: a reaction on the message itself shows it. Failures, and the status of a text to
one node, are shown in a reply, which is edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.sending import (
    BUSY_CHANNEL,
    NO_ACK,
    NO_AIR,
    NO_LINK,
    PARTLY_SENT,
    TX_QUEUE_FULL,
    DeliveryReport,
    DeliveryStatus,
    TelegramOrigin,
    encode_origin,
)
from meshbot.telegram_bot.models import Chat, OutgoingMessage

WORD: Final = "telegram"  # that the keys of these messages begin with

REASONS: Final[Mapping[str, str]] = {
    TX_QUEUE_FULL: _("the node's queue is full"),
    "RATE_LIMIT_EXCEEDED": _("too fast for the node"),
    "DUTY_CYCLE_LIMIT": _("the node has used up its air time"),
    "MAX_RETRANSMIT": _("nobody acknowledged it"),
    NO_ACK: _("the recipient did not acknowledge it"),
    PARTLY_SENT: _("only a part of it went out in time"),
    "PKI_UNKNOWN_PUBKEY": _("the recipient does not have our node's key yet"),
    "NO_CHANNEL": _("the recipient cannot read it: its key or its channel is another"),
    "PKI_SEND_FAIL_PUBLIC_KEY": _("our node does not have the recipient's key"),
    "PKI_FAILED": _("it could not be encrypted"),
    "TOO_LARGE": _("too long for a packet"),
    "NO_INTERFACE": _("the node has no radio"),
    "NO_ROUTE": _("no way to the recipient"),
    "GOT_NAK": _("refused on its way"),
    "TIMEOUT": _("too long on its way"),
    "NO_RESPONSE": _("the recipient does not know what to do with it"),
    "BAD_REQUEST": _("the node took it for a mistake"),
    "NOT_AUTHORIZED": _("the node does not allow it"),
    "ADMIN_BAD_SESSION_KEY": _("the node does not allow it"),
    "ADMIN_PUBLIC_KEY_UNAUTHORIZED": _("the node does not allow it"),
}
REASONS_TO_ALL: Final[Mapping[str, str]] = {**REASONS, "NO_CHANNEL": _("our node has no such channel")}
TO_ONE: Final[Mapping[DeliveryStatus, str]] = {
    DeliveryStatus.POSTPONED: _("⏳ Not sent yet: {reason}. Trying again."),
    DeliveryStatus.ACCEPTED: _("📡 Sent."),
    DeliveryStatus.ACKNOWLEDGED: _("✅ Acknowledged by {name}."),
    DeliveryStatus.RELAYED: _("🔁 Sent, and relayed by a neighbour; no acknowledgement by {name}."),
    DeliveryStatus.UNANSWERED: _("❔ Sent; no acknowledgement by {name}."),
    DeliveryStatus.REFUSED: _("❌ Not sent: {reason}."),
    DeliveryStatus.FAILED: _("❌ Not delivered: {reason}."),
    DeliveryStatus.EXPIRED: _("❌ Not sent: it waited too long."),
    DeliveryStatus.UNCONFIRMED: _("❔ Perhaps not sent: the node did not confirm it."),
    DeliveryStatus.QUEUE_FULL: _("❌ Not sent: too many messages are waiting. Try again later."),
}
# a text on a channel has no recipient that acknowledges it
TO_ALL: Final[Mapping[DeliveryStatus, str]] = {
    **TO_ONE,
    DeliveryStatus.ACCEPTED: _("📡 Sent on channel {channel}."),
    DeliveryStatus.RELAYED: _("✅ Sent on channel {channel}, and relayed by a neighbour."),
    DeliveryStatus.UNANSWERED: _("❔ Sent on channel {channel}, but no neighbour was heard relaying it."),
}
WAITS: Final[Mapping[str, str]] = {
    NO_LINK: _("⏳ Waiting for the link to the node."),
    BUSY_CHANNEL: _("⏳ Waiting for a less busy channel."),
    NO_AIR: _("⏳ Waiting for air time: that of this hour is used up."),
}
QUEUED: Final = _("⏳ Waiting behind {count} others.")
# Packets ahead: they take half a minute, and a shorter wait is not shown
LONG_QUEUE: Final = 10
WAITING, SENT, RELAYED, UNANSWERED, FAILED, UNSURE = "👀", "👌", "👍", "🤷", "👎", "🤔"
REACTIONS: Final[Mapping[DeliveryStatus, str]] = {
    DeliveryStatus.QUEUED: WAITING,
    DeliveryStatus.POSTPONED: WAITING,
    DeliveryStatus.ACCEPTED: SENT,
    DeliveryStatus.ACKNOWLEDGED: RELAYED,
    DeliveryStatus.RELAYED: RELAYED,
    DeliveryStatus.UNANSWERED: UNANSWERED,
    DeliveryStatus.REFUSED: FAILED,
    DeliveryStatus.FAILED: FAILED,
    DeliveryStatus.EXPIRED: FAILED,
    DeliveryStatus.UNCONFIRMED: UNSURE,
    DeliveryStatus.QUEUE_FULL: FAILED,
}


def origin_of(chat: Chat, message_id: int) -> TelegramOrigin:
    """Return the origin of a text that came as this message."""
    return TelegramOrigin(chat.id, chat.topic, message_id)


def chat_of(origin: TelegramOrigin) -> Chat:
    """Return the chat that a text came from."""
    return Chat(origin.chat_id, origin.topic)


def status_messages(
    report: DeliveryReport, recipient: str, translate: Translate, channel: str = ""
) -> tuple[OutgoingMessage, ...]:
    """Return what shows the status now, nothing if the text came from elsewhere, or has only a short wait.

    `recipient` is the name of the node it is for, `channel` that of its channel, if known. The final report of a text
    comes last and once, so that the messages made last are the ones to show.
    """
    origin = report.message.origin
    if not isinstance(origin, TelegramOrigin) or _is_short_wait(report):
        return ()
    chat, key = chat_of(origin), encode_origin(origin)
    text = _text(report, recipient, channel or f"{report.message.channel}", translate)
    reply = OutgoingMessage(chat, text, key, reply_to=origin.message_id, silent=True, can_wait=True)
    if chat.id > 0 or not report.message.is_broadcast:
        return (reply,)
    emoji = REACTIONS[report.status]
    # its text is the reply of a group that forbids reactions
    reaction = replace(reply, reaction=emoji)
    return (reaction, reply) if emoji in {FAILED, UNSURE} else (reaction,)


def _is_short_wait(report: DeliveryReport) -> bool:
    return report.status is DeliveryStatus.QUEUED and not report.reason and report.ahead < LONG_QUEUE


def _text(report: DeliveryReport, name: str, channel: str, tr: Translate) -> str:
    if report.status is DeliveryStatus.QUEUED:
        return tr(WAITS.get(report.reason, QUEUED)).format(count=report.ahead)
    texts = TO_ALL if report.message.is_broadcast else TO_ONE
    reasons = REASONS_TO_ALL if report.message.is_broadcast else REASONS
    reason = tr(reasons[report.reason]) if report.reason in reasons else report.reason
    return tr(texts[report.status]).format(
        name=name or f"!{report.message.to:08x}", reason=reason or "?", channel=channel
    )
