"""Faster clocks: one that is the same in every process, and asyncio on it."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any, TypeVar

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


# -- asyncio


class _Selector(selectors.DefaultSelector):
    """Waits the shorter for a faster clock."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale

    def select(self, timeout: float | None = None) -> list[Any]:
        return super().select(timeout if timeout is None else timeout / self._scale)


class ScaledLoop(asyncio.SelectorEventLoop):
    """Its time is that of ScaledClock, and so are the timeouts of libraries in it."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        super().__init__(_Selector(scale))

    def time(self) -> float:
        """See asyncio."""
        return super().time() * self._scale


def speed_up(scale: float) -> None:
    """Make asyncio use such loops in this process from now on."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return ScaledLoop(scale)

    asyncio.set_event_loop_policy(Policy())
