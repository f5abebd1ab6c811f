"""asyncio on a faster clock: every event loop made after `speed_up` lets `scale` of its seconds pass in a real one."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Waits the shorter for it."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale

    def select(self, timeout: float | None = None) -> list[Any]:
        return super().select(timeout if timeout is None else timeout / self._scale)


class ScaledLoop(asyncio.SelectorEventLoop):
    """Its time is that of bench.scaled_clock; so are the timeouts of the libraries that ask it."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        super().__init__(_Selector(scale))

    def time(self) -> float:
        """See asyncio."""
        return super().time() * self._scale


def speed_up(scale: float) -> None:
    """Have asyncio make such loops in this process from now on."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return ScaledLoop(scale)

    asyncio.set_event_loop_policy(Policy())
