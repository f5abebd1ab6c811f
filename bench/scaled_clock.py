"""A clock that runs faster than the machine's, the same in every process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import TypeVar

from meshbot.runtime import Clock, SystemClock

T = TypeVar("T")


class ScaledClock:
    """Implements runtime.clock.Clock; `scale` of its seconds pass in one real second."""

    def __init__(self, scale: float, epoch: float | None = None) -> None:
        """`epoch`: Unix seconds when its monotonic time was 0; None: such that it is right now."""
        self.scale = scale
        self._real: Clock = SystemClock()
        self.epoch = datetime.now(UTC).timestamp() - self.monotonic() if epoch is None else epoch
        self._wall_at_zero = datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.epoch)

    def monotonic(self) -> float:
        """See Clock; two processes of one machine agree on it."""
        return self._real.monotonic() * self.scale

    def now(self) -> datetime:
        """See Clock; right when the clock was made, then ahead of the wall."""
        return self._wall_at_zero + timedelta(seconds=self.monotonic())

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock."""
        return self._real.get(inbox, deadline / self.scale)
