"""One conversation in two places, a mesh channel and a Telegram chat: what crosses, and how it looks there; pure.

Nothing comes back to where it was written. Our own packets are not bridged, nor bots, which are not heard at all; and
where another bridge joins the same two places, what it repeats is known by its text, which it writes as we do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from meshbot.commands import PREFIX, Directory, Translate, parse
from meshbot.commands import mark as _
from meshbot.mesh_link import BROADCAST_NUM, TextMessage
from meshbot.runtime import RecentKeys
from meshbot.sending import DeliveryReport, DeliveryStatus, OutgoingText, Priority, TelegramOrigin
from meshbot.telegram_bot import status
from meshbot.telegram_bot.models import Chat, Post
from meshbot.telegram_bot.sanitize import clean_name, clean_text

AUTHOR_BYTES: Final = 20  # of a name on the mesh
NAME_BYTES: Final = 60  # of a name in Telegram: all that a node can have
ANONYMOUS: Final = "Telegram"  # an author of whose name nothing is left
REMEMBERED: Final = 1000  # of what can be replied to or known again, in each memory: 2 MB in all
NO_TEXT_SAID_EVERY: Final = 3600.0  # seconds, in one chat
PART: Final = re.compile(r"\([0-9]+/[0-9]+\) ")  # before the parts of a long text
KEY: Final = re.compile(r"mesh:([0-9]+):([0-9a-f]+):([0-9a-f]+)")

Packet = tuple[int, int]  # channel index, packet id


@dataclass(frozen=True, slots=True)
class BridgeRule:
    """A channel and a chat that are one. A chat without a topic is what is said outside of topics."""

    channel: int  # index
    chat: Chat


class Bridge:
    """For one thread. Several channels may share a chat, and several chats a channel."""

    def __init__(self, bridges: Sequence[BridgeRule], limit_bytes: int, translate: Translate) -> None:
        """`limit_bytes` of UTF-8 go on air at most, with the author's name."""
        self._limit = limit_bytes
        self._translate = translate
        self._chats: dict[int, list[Chat]] = defaultdict(list)
        self._channels: dict[Chat, list[int]] = defaultdict(list)
        for rule in dict.fromkeys(bridges):
            self._chats[rule.channel].append(rule.chat)
            self._channels[rule.chat].append(rule.channel)
        self._heard: RecentKeys[tuple[int, int], None] = RecentKeys(REMEMBERED)  # sender, packet id
        self._read: RecentKeys[tuple[Chat, int], None] = RecentKeys(REMEMBERED)  # message id
        self._said: RecentKeys[tuple[int, str], None] = RecentKeys(REMEMBERED)  # channel, text that we sent there
        self._shown: RecentKeys[tuple[Chat, str], None] = RecentKeys(REMEMBERED)  # text that we posted there
        self._packets: RecentKeys[tuple[Chat, int], Packet] = RecentKeys(REMEMBERED)  # by message id
        self._messages: RecentKeys[tuple[Chat, Packet], int] = RecentKeys(REMEMBERED)  # message ids
        self._no_text_said: dict[Chat, float] = {}

    def to_telegram(self, message: TextMessage, name: str, own_num: int) -> list[Post]:
        """Return how a text that was heard looks in each chat of its channel; `name` is its sender's."""
        chats = self._chats.get(message.channel, ())
        if not chats or not message.is_broadcast or message.sender == own_num or self._was_heard(message):
            return []
        body = clean_text(message.text)
        if not body or parse(message.text) is not None or self._is_echo(message):
            return []
        text = f"{clean_name(name, NAME_BYTES) or f'!{message.sender:08x}'}: {body}"
        key = _key(message.channel, message.sender, message.packet_id)
        return [self._post(chat, message.channel, text, key, message.reply_id) for chat in chats]

    def to_mesh(
        self, chat: Chat, message_id: int, author: str, text: str, now: float, *, reply_to: int | None = None
    ) -> OutgoingText | str | None:
        """Return what goes on air for a new message, or why it does not, for its author; None: it is not bridged.

        `text` is the message's or its photo's caption, `reply_to` the message that it answers, `now` monotonic seconds.
        """
        channels = self._channels.get(chat)
        if not channels or (chat, message_id) in self._read or (chat, text.strip()) in self._shown:
            return None
        self._read.put((chat, message_id), None)
        body = clean_text(text)
        if not body:
            return self._only_text(chat, now)
        if body.startswith(PREFIX):
            return None
        spoken = f"{clean_name(author, AUTHOR_BYTES) or ANONYMOUS}: {body}"
        if (excess := len(spoken.encode()) - self._limit) > 0:
            words = _("✂️ Not sent: {count} bytes too long for the mesh, which takes {limit} with your name.")
            return self._translate(words).format(count=excess, limit=self._limit)
        channel, reply_id = (reply_to and self._packets.get((chat, reply_to))) or (channels[0], 0)
        self._said.put((channel, spoken), None)
        origin = status.origin_of(chat, message_id)
        return OutgoingText(
            spoken, BROADCAST_NUM, channel, reply_id, want_ack=True, priority=Priority.BRIDGE, origin=origin
        )

    def accepted(self, outcome: DeliveryReport) -> list[Post]:
        """Take each fate of our texts: return how one that the node has now taken looks in the channel's other chats.

        From then on a mesh user's reply to it is shown as one.
        """
        message, origin = outcome.message, outcome.message.origin
        if (
            outcome.status is not DeliveryStatus.ACCEPTED
            or not isinstance(origin, TelegramOrigin)
            or not message.is_broadcast
            or not outcome.packet_ids
        ):
            return []
        for packet_id in reversed(outcome.packet_ids):  # a reply in Telegram is one to the first
            self._connect(status.chat_of(origin), origin.message_id, (message.channel, packet_id))
        key = _key(message.channel, 0, outcome.packet_ids[0])
        others = [chat for chat in self._chats.get(message.channel, ()) if chat != status.chat_of(origin)]
        return [self._post(chat, message.channel, message.text, key, message.reply_id) for chat in others]

    @property
    def is_used(self) -> bool:
        """Whether anything is joined."""
        return bool(self._channels)

    def joins(self, chat: Chat) -> bool:
        """Return whether a chat is joined to a channel."""
        return chat in self._channels

    def posted(self, post: Post, message_id: int) -> None:
        """Take the message id that one of our posts got, so that replies to it find its packet, and the other way."""
        if (match := KEY.fullmatch(post.key)) is not None:
            self._connect(post.chat, message_id, (int(match[1]), int(match[3], 16)))

    def _post(self, chat: Chat, channel: int, text: str, key: str, reply_id: int) -> Post:
        """`text` begins with who said it."""
        text = f"[{channel}] {text}" if len(self._channels[chat]) > 1 else text
        self._shown.put((chat, text), None)
        return Post(chat, text, key, reply_to=self._messages.get((chat, (channel, reply_id))) if reply_id else None)

    def _connect(self, chat: Chat, message_id: int, packet: Packet) -> None:
        self._packets.put((chat, message_id), packet)
        self._messages.put((chat, packet), message_id)

    def _was_heard(self, message: TextMessage) -> bool:
        key = message.sender, message.packet_id
        heard = key in self._heard
        if message.packet_id:  # a packet without id cannot be told from the next one
            self._heard.put(key, None)
        return heard

    def _is_echo(self, message: TextMessage) -> bool:
        """Return whether somebody else sent what we sent: a bridge between the same chat and channel."""
        text = message.text.strip()
        part = PART.match(text)
        if part is None:
            return (message.channel, text) in self._said
        rest = text[part.end() :]
        return any(channel == message.channel and rest in said for channel, said in self._said)

    def _only_text(self, chat: Chat, now: float) -> str | None:
        if now < self._no_text_said.get(chat, -inf) + NO_TEXT_SAID_EVERY:
            return None
        self._no_text_said[chat] = now
        return self._translate(_("📝 Only text crosses to the mesh; this stays here."))


def mesh_name(num: int, directory: Directory) -> str:
    """Return a node's names as shown in Telegram: `long name (short)`, or what is known of that."""
    view = directory.node(num)
    long_name, short_name = (view.long_name, view.short_name) if view is not None else ("", "")
    if long_name and short_name:
        return f"{long_name} ({short_name})"
    return long_name or short_name or f"!{num:08x}"


def _key(channel: int, sender: int, packet_id: int) -> str:
    """Return the key of a packet's post; with its sender, or another's packet of that id would change the post."""
    return f"mesh:{channel}:{sender:x}:{packet_id:x}" if packet_id else ""
