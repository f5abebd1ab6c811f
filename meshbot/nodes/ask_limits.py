"""How often nodes are asked to introduce themselves; pure."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

from meshbot.storage import HOUR

# A flapping link and a small database make use of all those that no message waits for: 3 % of the air on LongFast
ASKS_AN_HOUR, ASKS_AHEAD = 60, 45
# Seconds between two cures of one node for packets that cannot be read
EVIDENCE_EVERY: Final = HOUR
# Seconds between two broadcasts of our own node, and how often, after so many seconds each, it is asked again: its
# firmware sends one NODEINFO in 60 s, drops what is more, and may just have sent that to a single node
INTRODUCE_EVERY: Final = HOUR
INTRODUCE_AGAIN, AGAINS = 12.0, 5


class AskLimits:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        # whether those ahead of time count by ASKS_AN_HOUR: not after a loss
        self.is_limited = True
        self._asked: deque[float] = deque(maxlen=ASKS_AN_HOUR)
        self._evidence_at: dict[int, float] = {}

    @property
    def ahead_from(self) -> float:
        """From when on a node may be asked that nobody waits for."""
        return self._free_at(ASKS_AHEAD) if self.is_limited else -inf

    def has_room(self, now: float) -> bool:
        """Return whether one more node may be asked within the hour."""
        return self._free_at(ASKS_AN_HOUR) <= now

    def note(self, now: float) -> None:
        """Count a node that is asked."""
        self._asked.append(now)

    def is_evidence(self, num: int, now: float) -> bool:
        """Take a packet that could not be read; return whether its claimed sender is to be cured for it.

        Anybody can send such packets under any number.
        """
        lately = {each: then for each, then in self._evidence_at.items() if now - then < EVIDENCE_EVERY}
        if num in lately:
            return False
        self._evidence_at = {**lately, num: now}
        return len(lately) < ASKS_AN_HOUR

    def _free_at(self, limit: int) -> float:
        return self._asked[-limit] + HOUR if len(self._asked) >= limit else -inf


class OwnIntroductions:
    """When our own node introduces itself to everybody. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._began = -inf
        self.due = inf
        self._left = 0

    def begin(self, now: float, *, again: bool) -> None:
        """Have it do so now, at most hourly; `again`: until its firmware must have done so."""
        if now - self._began >= INTRODUCE_EVERY:
            self._began, self.due = now, now
            self._left = AGAINS if again else 0

    def take(self, now: float) -> bool:
        """Return whether it is to be done now; if so, it counts as done."""
        if now < self.due:
            return False
        self.due = now + INTRODUCE_AGAIN if self._left else inf
        self._left -= 1
        return True
