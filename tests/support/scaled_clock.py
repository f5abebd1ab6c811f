"""A clock that runs faster than the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import TypeVar

from runtime.clock import SystemClock

T = TypeVar("T")
REAL = SystemClock()


class ScaledClock:
    """Implements runtime.clock.Clock; `scale` of its seconds pass in one real second."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._wall_at_zero = datetime.now(UTC) - timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """See Clock."""
        return REAL.monotonic() * self._scale

    def now(self) -> datetime:
        """See Clock; right when the clock was made, then ahead of the wall."""
        return self._wall_at_zero + timedelta(seconds=self.monotonic())

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock."""
        return REAL.get(inbox, deadline / self._scale)


# Settings for a bot on such a clock: what waits for a machine that is busy in real time must not be quick
UNHURRIED = {
    "tcp_probe_after": 15,
    "tcp_probe_timeout": 15,
    "tcp_silent_timeout": 120,
    "tcp_interface_cleanup_delay": 1,
    "tcp_stable_after": 0,
    "tcp_pubkey_sync_delay": 15,
    "tcp_config_silence": 60,
    "tcp_config_timeout": 120,
    "tcp_connect_timeout": 60,
    "tcp_close_timeout": 20,
}
