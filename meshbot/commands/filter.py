"""Which messages are questions for the bot, and where their answers go; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from meshbot.mesh_link import BROADCAST_NUM, ReceivedText, TextMessage


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
    """Decides about each text."""

    def __init__(self, answer_on_channels: Collection[int], max_age: float, *, refuse_mqtt: bool) -> None:
        """Take the channel indexes to answer on, and the age beyond which a question gets no answer, in seconds."""
        self._refuse_mqtt = refuse_mqtt
        self._channels = frozenset(answer_on_channels)
        self._max_age = max_age

    def check(self, text: ReceivedText, now: float, *, is_command: bool) -> Verdict:
        """Return what to do; `now` is the wall time in seconds since 1970."""
        message = text.message
        if message.sender == text.own_num:
            return Verdict.OWN
        if not message.is_broadcast and message.to != text.own_num:
            return Verdict.NOT_OURS
        if text.is_repeat:
            return Verdict.REPEATED
        if not is_command:
            return Verdict.PLAIN
        if message.is_broadcast and message.channel not in self._channels:
            return Verdict.CHANNEL
        if self._refuse_mqtt and message.reception.via_mqtt:
            return Verdict.MQTT
        # 0 while the node does not know the time: then the question counts as fresh. What has just been heard is that,
        # whatever the clocks say: one of the two may have jumped since the node was told the time
        rx_time = message.reception.rx_time
        if rx_time and not text.is_fresh and now - rx_time > self._max_age:
            return Verdict.STALE
        return Verdict.ANSWER


def return_path(message: TextMessage, *, private: bool = False) -> ReturnPath:
    """Return where the answer to a question goes, `private` to the asker alone; that asks for an acknowledgement."""
    if message.is_broadcast and not private:
        return ReturnPath(BROADCAST_NUM, message.channel, message.packet_id, want_ack=False)
    return ReturnPath(message.sender, message.channel, message.packet_id, want_ack=True)
