"""What became of a text that came from Telegram, shown on the message it came from; pure.

In a group what goes well costs no message: an emoji on the message itself tells it. Failures, and what was sent to one
node, are told in a reply, which changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.sending import (
    BUSY_CHANNEL,
    NO_ACK,
    NO_LINK,
    TX_QUEUE_FULL,
    DeliveryReport,
    DeliveryStatus,
    TelegramOrigin,
    encode_origin,
)
from meshbot.telegram_bot.models import Chat, Post

WORD: Final = "telegram"  # that the keys of these posts begin with

REASONS: Final[Mapping[str, str]] = {
    TX_QUEUE_FULL: _("the node's queue is full"),
    "RATE_LIMIT_EXCEEDED": _("too fast for the node"),
    "DUTY_CYCLE_LIMIT": _("the node has used up its air time"),
    "MAX_RETRANSMIT": _("nobody acknowledged it"),
    NO_ACK: _("the recipient did not acknowledge it"),
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
    DeliveryStatus.TURNED_AWAY: _("❌ Not sent: too many messages are waiting. Try again later."),
}
TO_ALL: Final[Mapping[DeliveryStatus, str]] = {  # nobody in particular acknowledges a text on a channel
    **TO_ONE,
    DeliveryStatus.RELAYED: _("✅ Sent, and relayed by a neighbour."),
    DeliveryStatus.UNANSWERED: _("❔ Sent, but no neighbour was heard relaying it."),
}
WAITS: Final[Mapping[str, str]] = {
    NO_LINK: _("⏳ Waiting for the link to the node."),
    BUSY_CHANNEL: _("⏳ Waiting for a less busy channel."),
}
TURN: Final = _("⏳ Waiting behind {count} others.")
LONG_TURN: Final = 10  # packets ahead: half a minute; who waits less need not know
WAITING, SENT, RELAYED, UNHEARD, FAILED, UNSURE = "👀", "👌", "👍", "🤷", "👎", "🤔"
REACTIONS: Final[Mapping[DeliveryStatus, str]] = {
    DeliveryStatus.QUEUED: WAITING,
    DeliveryStatus.POSTPONED: WAITING,
    DeliveryStatus.ACCEPTED: SENT,
    DeliveryStatus.ACKNOWLEDGED: RELAYED,
    DeliveryStatus.RELAYED: RELAYED,
    DeliveryStatus.UNANSWERED: UNHEARD,
    DeliveryStatus.REFUSED: FAILED,
    DeliveryStatus.FAILED: FAILED,
    DeliveryStatus.EXPIRED: FAILED,
    DeliveryStatus.UNCONFIRMED: UNSURE,
    DeliveryStatus.TURNED_AWAY: FAILED,
}


def origin_of(chat: Chat, message_id: int) -> TelegramOrigin:
    """Return the origin of a text that came as this message."""
    return TelegramOrigin(chat.id, chat.topic, message_id)


def chat_of(origin: TelegramOrigin) -> Chat:
    """Return the chat that a text came from."""
    return Chat(origin.chat_id, origin.topic)


def posts(outcome: DeliveryReport, acknowledged_by: str, translate: Translate) -> tuple[Post, ...]:
    """Return how the message's fate looks now, nothing if the text came from elsewhere, or has only to wait its turn.

    `acknowledged_by` is what people call the recipient. The outbox tells a text's end last and once, so that the posts
    made last are to be shown.
    """
    origin = outcome.message.origin
    if not isinstance(origin, TelegramOrigin) or _is_short_turn(outcome):
        return ()
    chat, key = chat_of(origin), encode_origin(origin)
    text = _words(outcome, acknowledged_by, translate)
    reply = Post(chat, text, key, reply_to=origin.message_id, silent=True, can_wait=True)
    if chat.id > 0 or not outcome.message.is_broadcast:
        return (reply,)
    emoji = REACTIONS[outcome.status]
    reaction = Post(chat, "", key, reply_to=origin.message_id, can_wait=True, reaction=emoji)
    return (reaction, reply) if emoji in {FAILED, UNSURE} else (reaction,)


def _is_short_turn(outcome: DeliveryReport) -> bool:
    return outcome.status is DeliveryStatus.QUEUED and not outcome.reason and outcome.ahead < LONG_TURN


def _words(outcome: DeliveryReport, name: str, tr: Translate) -> str:
    if outcome.status is DeliveryStatus.QUEUED:
        return tr(WAITS.get(outcome.reason, TURN)).format(count=outcome.ahead)
    texts = TO_ALL if outcome.message.is_broadcast else TO_ONE
    reasons = REASONS_TO_ALL if outcome.message.is_broadcast else REASONS
    reason = tr(reasons[outcome.reason]) if outcome.reason in reasons else outcome.reason
    return tr(texts[outcome.status]).format(name=name or f"!{outcome.message.to:08x}", reason=reason or "?")
