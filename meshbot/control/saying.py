"""A text that an operator has the bot say: whom it goes to, and what became of it; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from meshbot.commands import Directory, Request, Translate, ident, name_of, only_one, renaming, too_long
from meshbot.commands import mark as _
from meshbot.control.protocol import Error, Query, RefusedError
from meshbot.mesh_link import BROADCAST_NUM, Channel
from meshbot.sending import ControlOrigin, DeliveryReport, DeliveryStatus, OutgoingText, Priority
from meshbot.text import folded, legible

SIGN: Final = "#"
INDEX: Final = re.compile(r"#?([0-7])")
WORDS: Final[Mapping[DeliveryStatus, str]] = MappingProxyType(
    {
        DeliveryStatus.QUEUED: _("⏳ The text waits to go on air."),
        DeliveryStatus.ACCEPTED: _("📤 Our node has taken the text."),
        DeliveryStatus.POSTPONED: _("⏳ Our node cannot send it now: it will be tried again."),
        DeliveryStatus.ACKNOWLEDGED: _("✅ The recipient has acknowledged it."),
        DeliveryStatus.RELAYED: _("☑️ A neighbour has passed it on; nothing came from the recipient."),
        DeliveryStatus.UNANSWERED: _("❔ It was sent, and the mesh has not answered."),
        DeliveryStatus.REFUSED: _("❌ Our node refuses it."),
        DeliveryStatus.FAILED: _("❌ It was not delivered."),
        DeliveryStatus.EXPIRED: _("❌ It waited too long and was not sent."),
        DeliveryStatus.UNCONFIRMED: _("❔ Perhaps it was not sent: our node did not confirm it."),
        DeliveryStatus.QUEUE_FULL: _("❌ Too much waits to go on air: try again later."),
    }
)
# On a channel nobody acknowledges: a neighbour that repeats it is all that there is to hear
GOOD: Final = frozenset({DeliveryStatus.ACKNOWLEDGED, DeliveryStatus.RELAYED, DeliveryStatus.ACCEPTED})


@dataclass(frozen=True, slots=True)
class Message:
    """A text with its destination."""

    text: str
    to: int
    channel: int
    label: str  # of the destination, for people and scripts

    def __call__(self, origin: ControlOrigin, expires_at: float) -> OutgoingText:
        """Return it for the send queue."""
        return OutgoingText(
            self.text,
            self.to,
            self.channel,
            # on a channel: the relay by a neighbour
            want_ack=True,
            expires_at=expires_at,
            priority=Priority.BRIDGE,
            origin=origin,
        )


def outgoing(
    query: Query, request: Request, directory: Directory, channels: Sequence[Channel] | None, limit: int
) -> tuple[Message, str]:
    """Return the text with its destination, and what its author should know; RefusedError if there is none.

    `channels` are those of our node, None before they are known; `limit` is in bytes of UTF-8.
    """
    text, tr = legible(query.text).strip(), request.translate
    if not text:
        raise RefusedError(Error.BAD_REQUEST, _("There is nothing to say in that text."))
    if (excess := len(text.encode()) - limit) > 0:
        raise RefusedError(Error.TOO_LONG, "{answer}", answer=too_long(excess, tr))
    channel = _channel(query.to.strip(), channels)
    if channel is not None:
        return Message(text, BROADCAST_NUM, channel, f"{SIGN}{channel}"), ""
    node = only_one(directory.find_nodes(query.to), query.to, request)
    if isinstance(node, str):
        raise RefusedError(Error.NO_RECIPIENT, "{answer}", answer=node)
    if node.is_unmessageable:
        takes_none = _("{name} takes no messages (router, sensor, tracker): not sent.")
        raise RefusedError(Error.NO_RECIPIENT, takes_none, name=name_of(node))
    return Message(text, node.num, 0, ident(node.num)), renaming(node, tr)


def _channel(to: str, channels: Sequence[Channel] | None) -> int | None:
    """Return the channel meant, None if it is no channel; RefusedError for one that our node lacks."""
    if found := INDEX.fullmatch(to):
        index = int(found[1])
        if channels is not None and all(each.index != index for each in channels):
            names = ", ".join(f"{each.index} ({each.name})" for each in channels)
            text = _("❌ Our node has no channel {channel}. It has: {channels}.")
            raise RefusedError(Error.NO_RECIPIENT, text, channel=index, channels=names or "–")
        return index
    if not to.startswith(SIGN):
        return None
    wanted = folded(to.removeprefix(SIGN))
    for each in channels or ():
        if folded(each.name) == wanted:
            return each.index
    raise RefusedError(Error.NO_RECIPIENT, _("Our node has no channel of the name {name}."), name=to[:40])


def outcome_of(report: DeliveryReport, tr: Translate) -> dict[str, Any]:
    """Return a delivery report as an answer."""
    status = report.status
    body: dict[str, Any] = {
        "ok": status in GOOD or not report.is_end,
        "status": status.name.lower(),
        "text": tr(WORDS[status]),
    }
    if report.reason:
        body["reason"] = report.reason
    if report.packet_ids:
        body["packet_ids"] = list(report.packet_ids)
    if not body["ok"]:
        body["error"] = Error.FAILED.value
    return body
