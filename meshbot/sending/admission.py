"""Which texts are taken into the queue, and when a question would get its answer; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf
from typing import Final

from meshbot.mesh_link import TextPacket
from meshbot.sending.air_budget import AirBudget
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.sending.queued_text import QueuedText, waiting

# Packets of each kind that wait at most; some 1.5 kB each in memory
WAITING_LIMITS: Final[Mapping[Priority, int]] = {
    Priority.ANSWER: 100,  # nearly four minutes of pacing: more would only expire
    Priority.MAIL: 100,
    Priority.BRIDGE: 300,  # 100 messages of three packets, eleven minutes of pacing
    Priority.ALERT: 100,
}
# Packets of answers to strangers, of those: the others always have room
ANSWERS_TO_STRANGERS: Final = 50
# Seconds until it is known what packets under way have cost
SHORT_WAIT: Final = 30.0
TYPICAL_ANSWER: Final = TextPacket(0, "·" * 50, 0, 0, 1, want_ack=True)


def has_room(texts: Collection[QueuedText], message: OutgoingText, packets: int) -> bool:
    """Return whether so many packets more of a text's kind may wait."""
    kind = [text for text in texts if text.message.priority is message.priority]
    if message.for_stranger and packets + _for_strangers(kind) > ANSWERS_TO_STRANGERS:
        return False
    return packets + waiting(kind) <= WAITING_LIMITS[message.priority]


def answer_at(
    texts: Collection[QueuedText], air: AirBudget, interval: float, now: float, *, for_stranger: bool
) -> float:
    """Return when the answer to a question of now could go, the channel's load apart; inf for never.

    Times are monotonic seconds, `interval` those between two packets.
    """
    answers = [text for text in texts if text.message.priority is Priority.ANSWER]
    if for_stranger and _for_strangers(answers) >= ANSWERS_TO_STRANGERS:
        return inf
    before = [text for text in answers if for_stranger or not text.message.for_stranger]
    account = [text for text in before if text.message.for_stranger is for_stranger]
    # most are heard to be relayed: once on air
    cost = air.cost(TYPICAL_ANSWER)
    milliseconds = sum(cost for text in account for part in text.parts if part.is_open) + cost
    free_at = air.free_at(OutgoingText("", 0, for_stranger=for_stranger), milliseconds)
    return max(now + interval * waiting(before), free_at)


def waiting_for_air(texts: Collection[QueuedText], air: AirBudget, now: float) -> list[QueuedText]:
    """Return the texts that wait for air, for more than SHORT_WAIT."""
    following = ((text, part) for text in texts if (part := text.next_part) is not None and part.is_unsent)
    late = now + SHORT_WAIT
    return [text for text, part in following if air.free_at(text.message, air.price(part.packet)) > late]


def _for_strangers(texts: Collection[QueuedText]) -> int:
    return waiting(text for text in texts if text.message.for_stranger)
