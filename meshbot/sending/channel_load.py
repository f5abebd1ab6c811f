"""Which texts wait while the channel is busy; pure. Times are monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from meshbot.sending.outgoing import OutgoingText, Priority

LOAD_VALID = 900.0  # seconds that a measurement of the channel's load counts


@dataclass(slots=True)
class ChannelHold:
    """Holds texts while the channel is used for more than `limit` percent of the time."""

    limit: float
    _utilization: float = 0.0
    _until: float = inf

    @property
    def holding(self) -> bool:
        """Whether the channel is that busy."""
        return self._utilization > self.limit

    @property
    def ends_at(self) -> float:
        """When what is known of the load is too old; inf while nothing is held."""
        return self._until if self.holding else inf

    def measured(self, percent: float, now: float) -> None:
        """Take the channel utilisation that our own node measured."""
        self._utilization, self._until = percent, now + LOAD_VALID

    def on_deadline(self, now: float) -> None:
        """Forget what is too old."""
        if now >= self._until:
            self._utilization, self._until = 0.0, inf

    def holds(self, message: OutgoingText) -> bool:
        """Whether the text waits: all but direct answers to proven people, and acknowledgements of mail."""
        is_direct_answer = message.priority is Priority.ANSWER and not message.is_broadcast
        goes = is_direct_answer and (message.despite_load or message.is_proven)
        return self.holding and not goes
