"""How much is sent, how fast, and how long it may wait: what can change while the sender runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshbot.sending.outgoing import Priority
from meshbot.sending.queue import SendQueue


@dataclass(frozen=True, slots=True)
class SendLimits:
    """See config.py for each."""

    interval: float  # seconds between two packets
    packet_bytes: int
    lifetimes: Mapping[Priority, float]  # seconds; a text that waits keeps its own
    channel_utilization: float  # percent
    air_time: float  # percent of an hour

    def apply(self, queue: SendQueue) -> None:
        """Have them hold for what comes, and the pace for what waits; what was sent counts."""
        queue.interval, queue.limit, queue.lifetimes = self.interval, self.packet_bytes, self.lifetimes
        queue.hold.limit = self.channel_utilization
        queue.air.set_percent(self.air_time)
