"""How fast Telegram lets one speak: at most so many in any so many seconds; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import inf


class RateLimit:
    """Several limits at once; each is (count, seconds)."""

    def __init__(self, limits: Sequence[tuple[int, float]]) -> None:
        self._limits = limits
        self._times: deque[float] = deque(maxlen=max((count for count, _ in limits), default=0))

    def ready_at(self) -> float:
        """Return when the next one may go (monotonic seconds), -inf for at any time."""
        return max(
            (self._times[-count] + seconds for count, seconds in self._limits if len(self._times) >= count),
            default=-inf,
        )

    def note(self, now: float) -> None:
        """Count one that goes now."""
        self._times.append(now)

    def is_idle(self, now: float) -> bool:
        """Whether nothing that went counts any more."""
        return not self._times or self._times[-1] + max(seconds for _, seconds in self._limits) <= now
