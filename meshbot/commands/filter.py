"""Which messages are questions for the bot, and where their answers go; pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from meshbot.commands.registry import parse
from meshbot.mesh_link import BROADCAST_NUM, TextMessage

REMEMBERED = 1024  # packet ids; the node itself remembers far fewer


class Verdict(Enum):
    """What to do with a message."""

    ANSWER = "question"
    PLAIN = "texte ordinaire"
    OWN = "émis par nous"
    NOT_OURS = "pour un autre nœud"
    CHANNEL = "canal sans réponse"
    REPEATED = "déjà reçu"
    STALE = "trop ancien"
    MQTT = "relayé par MQTT"


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """Where an answer goes: back the way the question came."""

    to: int
    channel: int
    reply_id: int
    want_ack: bool


class MessageFilter:
    """Judges each text message once."""

    def __init__(self, answer_on_channels: Collection[int], max_age: float, *, refuse_mqtt: bool) -> None:
        """Take the channel indexes to answer on, and the oldest question worth an answer, in seconds."""
        self._refuse_mqtt = refuse_mqtt
        self._channels = frozenset(answer_on_channels)
        self._max_age = max_age
        self._seen: OrderedDict[tuple[int, int], None] = OrderedDict()

    def judge(self, message: TextMessage, own_num: int, now: float) -> Verdict:
        """Return what to do; `now` is the wall time in seconds since 1970."""
        if message.sender == own_num:
            return Verdict.OWN
        if not message.is_broadcast and message.to != own_num:
            return Verdict.NOT_OURS
        if self._was_seen(message):
            return Verdict.REPEATED
        if parse(message.text) is None:
            return Verdict.PLAIN
        if message.is_broadcast and message.channel not in self._channels:
            return Verdict.CHANNEL
        if self._refuse_mqtt and message.reception.via_mqtt:
            return Verdict.MQTT
        rx_time = message.reception.rx_time  # 0 while the node does not know the time: then it is fresh
        if rx_time and now - rx_time > self._max_age:
            return Verdict.STALE
        return Verdict.ANSWER

    def _was_seen(self, message: TextMessage) -> bool:
        if not message.packet_id:
            return False  # a packet without id cannot be told from the next one
        key = (message.sender, message.packet_id)
        seen = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return seen


def return_path(message: TextMessage, *, private: bool = False) -> ReturnPath:
    """Return where the answer to a question goes, `private` to the asker alone; that asks for an acknowledgement."""
    if message.is_broadcast and not private:
        return ReturnPath(BROADCAST_NUM, message.channel, message.packet_id, want_ack=False)
    return ReturnPath(message.sender, message.channel, message.packet_id, want_ack=True)
