"""A bridge: a mesh channel and a Telegram chat as one conversation; pure.

A text never returns to where it was written. Our own packets are not bridged, and bots' messages are not read at all.
Where another bridge joins the same channel and chat, its repetitions are recognised by their text: its format is ours.
"""

from __future__ import annotations

import re
import string
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from meshbot.commands import Directory, Translate, ident
from meshbot.commands import mark as _
from meshbot.mesh_link import BROADCAST_NUM, TextMessage
from meshbot.runtime import RecentKeys
from meshbot.sending import DeliveryReport, DeliveryStatus, OutgoingText, Priority, TelegramOrigin
from meshbot.telegram_bot import status
from meshbot.telegram_bot.models import GENERAL_TOPIC, Chat, OutgoingMessage
from meshbot.text import legible, one_line, shorten

AUTHOR_BYTES: Final = 20  # of a Telegram user's name on the mesh
# Of a node's name in Telegram: all that a node can have
NAME_BYTES: Final = 60
ANONYMOUS: Final = "Telegram"  # an author whose name has no legible character
# Entries of each memory: 2 MB in all
REMEMBERED: Final = 1000
PART: Final = re.compile(r"\([0-9]+/[0-9]+\) ")  # before the parts of a long text
KEY: Final = re.compile(r"mesh:([0-9]+):([0-9a-f]+):([0-9a-f]+)")
# Before every line but the first: no line looks like the first one of another author
CONTINUED: Final = "| "
# A name ends at the first colon, so it contains none
COLONS: Final = dict.fromkeys(map(ord, ":\uff1a\u2236\ua789"), " ")
NOT_FIRST: Final = frozenset(string.punctuation + " ")  # characters that no name begins with

Packet = tuple[int, int]  # channel index, packet id


@dataclass(frozen=True, slots=True)
class BridgeRule:
    """A channel and the chat that it is joined to.

    A chat without a topic is what is written outside of topics: in a forum that is its topic General, number 1.
    """

    channel: int  # index
    chat: Chat

    @classmethod
    def parse(cls, line: str) -> Self:
        """Return the rule of a setting such as `1 -100123/5`, which config.py has checked."""
        channel, chat = line.split()
        number, _slash, topic = chat.partition("/")
        return cls(int(channel), Chat(int(number), int(topic) if topic and int(topic) != GENERAL_TOPIC else None))


@dataclass(frozen=True, slots=True)
class TextOnly:
    """Something without text, which stays where it is."""

    words: str  # for its author


class Bridge:
    """For one thread. Several channels may share a chat, and several chats a channel."""

    def __init__(
        self, rules: Sequence[BridgeRule], limit_bytes: int, is_mesh_command: Callable[[TextMessage], bool]
    ) -> None:
        """`limit_bytes`: UTF-8 bytes of a text for the mesh, with its author's name."""
        self._is_mesh_command = is_mesh_command
        self.set_rules(rules, limit_bytes)
        self._seen_packets: RecentKeys[tuple[int, int], None] = RecentKeys(REMEMBERED)  # sender, packet id
        self._seen_messages: RecentKeys[tuple[Chat, int], None] = RecentKeys(REMEMBERED)  # message id
        self._mesh_texts: RecentKeys[tuple[int, str], None] = RecentKeys(REMEMBERED)  # channel, text that we sent there
        self._chat_texts: RecentKeys[tuple[Chat, str], None] = RecentKeys(REMEMBERED)  # text that we sent there
        self._packets: RecentKeys[tuple[Chat, int], Packet] = RecentKeys(REMEMBERED)  # by message id
        self._messages: RecentKeys[tuple[Chat, Packet], int] = RecentKeys(REMEMBERED)  # message ids

    def set_rules(self, rules: Sequence[BridgeRule], limit_bytes: int) -> None:
        """Take other rules; what was seen and sent stays known."""
        self._limit = limit_bytes
        self._chats: dict[int, list[Chat]] = defaultdict(list)
        self._channels: dict[Chat, list[int]] = defaultdict(list)
        for rule in dict.fromkeys(rules):
            self._chats[rule.channel].append(rule.chat)
            self._channels[rule.chat].append(rule.channel)

    def to_telegram(self, message: TextMessage, name: str, own_num: int) -> list[OutgoingMessage]:
        """Return a received text as each chat of its channel shows it; `name` is its sender's."""
        chats = self._chats.get(message.channel, ())
        if not chats or not message.is_broadcast or message.sender == own_num or self._is_duplicate(message):
            return []
        body = clean_text(message.text)
        if not body or self._is_mesh_command(message) or self._is_echo(message):
            return []
        text = f"{shown_name(name, message.sender)}: {body}"
        key = _key(message.channel, message.sender, message.packet_id)
        return [self._message(chat, message.channel, text, key, message.reply_id) for chat in chats]

    def to_mesh(
        self, chat: Chat, message_id: int, author: str, text: str, tr: Translate, *, reply_to: int | None = None
    ) -> OutgoingText | TextOnly | str | None:
        """Return the text for the mesh of a new message, or why there is none, for its author; None: it is not bridged.

        `text` is the message's or its photo's caption and no command, `reply_to` the message that it replies to.
        """
        channels = self._channels.get(chat)
        if not channels or (chat, message_id) in self._seen_messages or (chat, text.strip()) in self._chat_texts:
            return None
        self._seen_messages.put((chat, message_id), None)
        body = clean_text(text)
        if not body:
            return TextOnly(tr(_("📝 Only text crosses to the mesh; this stays here.")))
        text = signed(author, body)
        if refusal := too_long(text, self._limit, tr):
            return refusal
        channel, reply_id = (reply_to and self._packets.get((chat, reply_to))) or (channels[0], 0)
        self._mesh_texts.put((channel, text), None)
        origin = status.origin_of(chat, message_id)
        return OutgoingText(
            text, BROADCAST_NUM, channel, reply_id, want_ack=True, priority=Priority.BRIDGE, origin=origin
        )

    def on_report(self, report: DeliveryReport) -> list[OutgoingMessage]:
        """Take each delivery report; return a text that the node has now accepted as the channel's other chats show it.

        From then on a mesh user's reply to it is shown as a reply.
        """
        message, origin = report.message, report.message.origin
        is_accepted = report.status is DeliveryStatus.ACCEPTED and bool(report.packet_ids)
        if not is_accepted or not isinstance(origin, TelegramOrigin) or not message.is_broadcast:
            return []
        origin_chat = status.chat_of(origin)
        # the first part last: a reply in Telegram is one to the first
        for packet_id in reversed(report.packet_ids):
            self._link(origin_chat, origin.message_id, (message.channel, packet_id))
        key = _key(message.channel, 0, report.packet_ids[0])
        others = [chat for chat in self._chats.get(message.channel, ()) if chat != origin_chat]
        return [self._message(chat, message.channel, message.text, key, message.reply_id) for chat in others]

    @property
    def is_used(self) -> bool:
        """Whether there is any rule."""
        return bool(self._channels)

    def has_chat(self, chat: Chat) -> bool:
        """Return whether a chat is joined to a channel."""
        return chat in self._channels

    def has_channel(self, channel: int) -> bool:
        """Return whether a channel is joined to a chat."""
        return channel in self._chats

    def channel_of(self, chat: Chat) -> int | None:
        """Return the channel that a chat speaks on; None: it is joined to none."""
        return self._channels[chat][0] if chat in self._channels else None

    @property
    def channels(self) -> tuple[int, ...]:
        """The indexes of all joined channels, in order."""
        return tuple(sorted(self._chats))

    def on_sent(self, message: OutgoingMessage, message_id: int) -> None:
        """Note the id that a message got: replies to it are then replies to its packet, and the other way round."""
        if (match := KEY.fullmatch(message.key)) is not None:
            self._link(message.chat, message_id, (int(match[1]), int(match[3], 16)))

    def _message(self, chat: Chat, channel: int, text: str, key: str, reply_id: int) -> OutgoingMessage:
        """`text` begins with its author's name."""
        text = f"[{channel}] {text}" if len(self._channels[chat]) > 1 else text
        self._chat_texts.put((chat, text), None)
        reply_to = self._messages.get((chat, (channel, reply_id))) if reply_id else None
        return OutgoingMessage(chat, text, key, reply_to=reply_to)

    def _link(self, chat: Chat, message_id: int, packet: Packet) -> None:
        self._packets.put((chat, message_id), packet)
        self._messages.put((chat, packet), message_id)

    def _is_duplicate(self, message: TextMessage) -> bool:
        key = message.sender, message.packet_id
        is_known = key in self._seen_packets
        # packets without id cannot be told apart
        if message.packet_id:
            self._seen_packets.put(key, None)
        return is_known

    def _is_echo(self, message: TextMessage) -> bool:
        """Return whether another bridge between the same chat and channel repeats what we sent."""
        text = message.text.strip()
        part = PART.match(text)
        if part is None:
            return (message.channel, text) in self._mesh_texts
        rest = text[part.end() :]
        return any(channel == message.channel and rest in sent for channel, sent in self._mesh_texts)


def mesh_name(num: int, directory: Directory) -> str:
    """Return a node's names as shown in Telegram: `long name (short)`, or what is known of that."""
    view = directory.node(num)
    long_name, short_name = (view.long_name, view.short_name) if view is not None else ("", "")
    if long_name and short_name:
        return f"{long_name} ({short_name})"
    return long_name or short_name or ident(num)


def shown_name(name: str, num: int) -> str:
    """Return a node's name as it stands before its text, its id if nothing is known."""
    return (clean_name(name, NAME_BYTES) if name != ident(num) else "") or ident(num)


def signed(author: str, body: str) -> str:
    """Return a Telegram user's text as the mesh shows it, with its author's name in front."""
    return f"{clean_name(author, AUTHOR_BYTES) or ANONYMOUS}: {body}"


def too_long(text: str, limit: int, translate: Translate) -> str:
    """Return why a signed text is not sent if it has more than `limit` bytes of UTF-8, else nothing."""
    if (excess := len(text.encode()) - limit) <= 0:
        return ""
    words = _("✂️ Not sent: {count} bytes too long for the mesh, which takes {limit} with your name.")
    return translate(words).format(count=excess, limit=limit)


def clean_name(name: str, limit: int) -> str:
    """Return the name as one line of at most `limit` bytes without a colon; empty if nothing is left of it.

    It begins with no punctuation: other programs would take `/name: text` or `!name: text` for a command.
    """
    words = one_line(name.translate(COLONS))
    start = next((n for n, char in enumerate(words) if char.isprintable() and char not in NOT_FIRST), len(words))
    return shorten(words[start:], limit)


def clean_text(text: str) -> str:
    """Return the text without control characters and empty lines; empty if there is nothing to see."""
    lines = (line.strip() for line in legible(text).split("\n"))
    return f"\n{CONTINUED}".join(line for line in lines if any(map(str.isprintable, line)))


def _key(channel: int, sender: int, packet_id: int) -> str:
    """Return the key of a packet's message; with its sender, as two senders may use the same packet id."""
    return f"mesh:{channel}:{sender:x}:{packet_id:x}" if packet_id else ""
