"""Telegram's flood control: how many messages a chat, a group and the whole bot may be sent."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.bot_api_calls import too_many


@dataclass(frozen=True)
class Rate:
    """So many messages in so many seconds."""

    count: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """None: no limit. What Telegram's questions and answers say is `PUBLISHED`."""

    chat: Rate | None = None
    group: Rate | None = None
    overall: Rate | None = None


OFF = Limits()
PUBLISHED = Limits(chat=Rate(1, 1.0), group=Rate(20, 60.0), overall=Rate(30, 1.0))


class Flood:
    """Counts what was accepted; who is over a limit is refused until the oldest is old enough."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds."""
        self.limits = OFF
        self.refused = 0
        self._clock = clock
        self._accepted: dict[tuple[str, int], deque[float]] = {}

    def check(self, chat: int) -> None:
        """Accept one more message to this chat, or refuse with 429."""
        now = self._clock()
        watched = [(("chat", chat), self.limits.chat), (("overall", 0), self.limits.overall)]
        if chat < 0:
            watched.append((("group", chat), self.limits.group))
        rates = [(self._accepted.setdefault(key, deque()), rate) for key, rate in watched if rate is not None]
        wait = max((self._wait(times, rate, now) for times, rate in rates), default=0.0)
        if wait > 0:
            self.refused += 1
            raise too_many(math.ceil(wait))
        for times, _ in rates:
            times.append(now)

    @staticmethod
    def _wait(times: deque[float], rate: Rate, now: float) -> float:
        while times and times[0] <= now - rate.seconds:
            times.popleft()
        return times[0] + rate.seconds - now if len(times) >= rate.count else 0.0
