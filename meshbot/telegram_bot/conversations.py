"""Who in Telegram waits for a node's word: what a node answers to `/send` reaches the person who wrote; pure.

A node answers by a reply to the packet, at any time, or by a direct message within the lifetime of the last text.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from meshbot.mesh_link import TextMessage
from meshbot.persistence import SavedValue
from meshbot.runtime import RecentKeys
from meshbot.telegram_bot.models import Chat

REMEMBERED: Final = 1000  # packets, nodes and messages, each
PREFIX: Final = "direct:"  # of the keys of messages, and of the names of saved values
KEPT: Final = 2 * 86400.0  # seconds that a packet is saved
NAME: Final = re.compile(PREFIX + r"([0-9a-f]{1,8}):([0-9a-f]{1,8})")
VALUE: Final = re.compile(r"(-?\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16})")

Target = tuple[int, int]  # node number, packet id


@dataclass(frozen=True, slots=True)
class Writer:
    """The message in Telegram that went to a node."""

    chat: Chat
    message_id: int
    until: float  # wall seconds since 1970: until then any direct message from the node is for its writer


def _alone(num: int) -> tuple[int, ...]:
    return (num,)


class Conversations:
    """Any thread may ask; wall times are seconds since 1970, as a conversation survives a restart."""

    def __init__(self, lifetime: float, numbers: Callable[[int], tuple[int, ...]] = _alone) -> None:
        """`lifetime`: seconds in which a direct message that is no reply counts as an answer.

        `numbers` returns all numbers of the node that has this one, the present one first; it never waits.
        """
        self.lifetime = lifetime
        self._numbers = numbers
        # protects all that follows; held for no wait
        self._lock = threading.Lock()
        self._by_packet: RecentKeys[Target, Writer] = RecentKeys(REMEMBERED)
        self._by_node: RecentKeys[int, Writer] = RecentKeys(REMEMBERED)
        self._targets: RecentKeys[tuple[int, int], Target] = RecentKeys(REMEMBERED)  # by chat and message id

    def sent(
        self, node: int, packet_ids: Sequence[int], chat: Chat, message_id: int, now: float
    ) -> dict[str, SavedValue]:
        """Note that a person's message has gone to a node; return what is to be saved of it."""
        writer = Writer(chat, message_id, now + self.lifetime)
        with self._lock:
            for packet_id in packet_ids:
                self._by_packet.put((node, packet_id), writer)
            self._by_node.put(node, writer)
            # in a group others reply to the command, and mean its writer
            if chat.id > 0 and packet_ids:
                self._targets.put((chat.id, message_id), (node, packet_ids[-1]))
        value = f"{chat.id} {chat.topic or 0} {message_id} {writer.until:.0f}"
        saved = SavedValue(value, int(now + max(KEPT, self.lifetime)))
        return {f"{PREFIX}{node:x}:{packet_id:x}": saved for packet_id in packet_ids}

    def restore(self, saved: Mapping[str, str]) -> None:
        """Take what an earlier process has saved, unless this one knows better."""
        with self._lock:
            for name, value in saved.items():
                if (key := NAME.fullmatch(name)) and (found := VALUE.fullmatch(value)):
                    self._restore_one((int(key[1], 16), int(key[2], 16)), *map(int, found.groups()))

    def _restore_one(self, target: Target, chat_id: int, topic: int, message_id: int, until: int) -> None:
        writer = Writer(Chat(chat_id, topic or None), message_id, until)
        if target not in self._by_packet:
            self._by_packet.put(target, writer)
        known = self._by_node.get(target[0])
        if known is None or known.until < until:
            self._by_node.put(target[0], writer)
        if chat_id > 0 and (chat_id, message_id) not in self._targets:
            self._targets.put((chat_id, message_id), target)

    def is_awaited(self, message: TextMessage, now: float) -> bool:
        """Return whether a person waits for this direct message."""
        numbers = self._numbers(message.sender)
        with self._lock:
            return self._writer(message, numbers, now) is not None

    def answer(self, message: TextMessage, now: float) -> Writer | None:
        """Return whom a direct message answers, None: nobody; its sender's next one is for the same person."""
        numbers = self._numbers(message.sender)
        with self._lock:
            writer = self._writer(message, numbers, now)
            if writer is not None:
                self._by_node.put(message.sender, replace(writer, until=now + self.lifetime))
            return writer

    def _writer(self, message: TextMessage, numbers: Sequence[int], now: float) -> Writer | None:
        if message.reply_id:
            for num in numbers:
                if (writer := self._by_packet.get((num, message.reply_id))) is not None:
                    return writer
        latest = [writer for num in numbers if (writer := self._by_node.get(num)) is not None and now < writer.until]
        return max(latest, key=lambda writer: writer.until, default=None)

    def shown(self, key: str, chat: Chat, message_id: int) -> None:
        """Note the id of a message whose key is that of a node's answer: a reply to it goes to that node."""
        if (found := NAME.fullmatch(key)) is not None:
            with self._lock:
                self._targets.put((chat.id, message_id), (int(found[1], 16), int(found[2], 16)))

    def target(self, chat: Chat, message_id: int | None) -> Target | None:
        """Return the node and packet that a reply to that message is for, None: it is for nobody on the mesh."""
        if message_id is None:
            return None
        with self._lock:
            target = self._targets.get((chat.id, message_id))
        return None if target is None else (self._numbers(target[0])[0], target[1])


def key_of(message: TextMessage) -> str:
    """Return the key of the message that shows a direct message in Telegram."""
    return f"{PREFIX}{message.sender:x}:{message.packet_id:x}"


def answer_text(name: str, body: str, *, is_proven: bool) -> str:
    """Return a node's answer as shown in Telegram, with a `?` if another node may have sent it under that number."""
    return f"{name}{'' if is_proven else '?'}: {body}"
