"""The main thread's work: start the services, watch them, feed systemd's watchdog, stop them."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, Final

from meshbot.runtime.clock import Clock
from meshbot.runtime.service import PING, Service
from meshbot.runtime.systemd import notify

LOGGER = logging.getLogger(__name__)
# Seconds; a signal that comes just before the main thread waits, or that another thread catches, does not end the wait
CHECK_EVERY: Final = 0.5
# Seconds of the grace that a stuck service leaves to each one behind it
LAST_MOMENT: Final = 0.1


def catch_signals(requests: SimpleQueue[Any]) -> None:
    """Turn SIGTERM, SIGINT and SIGHUP into requests to stop; main thread only. SIGHUP ignored (nohup) stays so."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signum is not signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
            # SimpleQueue.put is reentrant, so a signal handler may call it; Event.set is not.
            signal.signal(signum, lambda number, _frame: requests.put(signal.Signals(number)))


class Watchdog:
    """Sends WATCHDOG=1 to systemd while every watched service answers its pings."""

    def __init__(self, interval: float | None, watched: Sequence[Service], disk_bound: Sequence[Service] = ()) -> None:
        """`interval` is the seconds between two looks, None where systemd does not watch.

        `disk_bound` services may wait for a stalled disk: they are pinged as well, but only an error line tells that
        they do not answer. A restart would cut the link, and wait for the same disk.
        """
        self._interval = interval
        # the pings that each must have answered
        self._watched = dict.fromkeys(watched, 0)
        self._disk_bound = dict.fromkeys(disk_bound, 0)
        self._reported: set[Service] = set()
        self._due = inf if interval is None else -inf

    def look(self, now: float) -> None:
        """Look at the services if it is time to, and ping them; `now` in monotonic seconds. Never waits."""
        if self._interval is None or now < self._due:
            return
        self._due = now + self._interval
        self._look_at_disk_bound()
        if silent := _silent(self._watched):
            names = ", ".join(service.name for service in silent)
            LOGGER.error("❌ Ne répond plus: %s; systemd va relancer le bot", names)
            return
        notify("WATCHDOG=1")
        for service in self._watched:
            _ping(service, self._watched)

    def _look_at_disk_bound(self) -> None:
        """Report a stall once, and again only after it has ended."""
        silent = _silent(self._disk_bound)
        for service in silent:
            if service not in self._reported:
                LOGGER.error("❌ Ne répond plus: %s, qui attend le disque; la radio continue", service.name)
        self._reported = set(silent)
        for service in self._disk_bound:
            if service not in self._reported:
                _ping(service, self._disk_bound)


def _silent(pings: Mapping[Service, int]) -> list[Service]:
    return [service for service, sent in pings.items() if service.pings_answered < sent]


def _ping(service: Service, pings: dict[Service, int]) -> None:
    pings[service] += 1
    service.tell(PING)


class Supervisor:
    """Starts services in order, watches them, stops them in reverse order within one shared grace period."""

    def __init__(
        self,
        services: Sequence[Service],
        clock: Clock,
        grace: float,
        requests: SimpleQueue[Any],
        watchdog: Watchdog | None = None,
    ) -> None:
        """Take the services in starting order, the grace in seconds, and the queue of reasons to stop."""
        self._services = services
        self._clock = clock
        self._grace = grace
        self._requests = requests
        self._watchdog = watchdog or Watchdog(None, ())
        self.stuck: list[str] = []

    def run(self, on_started: Callable[[], object] = bool) -> Any:
        """Start all, call `on_started`, wait for the first request, stop all; return the request or the exception."""
        started: list[Service] = []
        try:
            for service in self._services:
                service.start(self._requests)
                started.append(service)
            on_started()
            return self._next_request()
        finally:
            self._stop(started)

    def _next_request(self) -> Any:
        while True:
            self._watchdog.look(self._clock.monotonic())
            with suppress(Empty):
                return self._requests.get(timeout=CHECK_EVERY)

    def _stop(self, started: Sequence[Service]) -> None:
        deadline = self._clock.monotonic() + self._grace
        for behind, service in reversed(list(enumerate(started))):
            service.stop()
            if not service.join(max(0.0, deadline - behind * LAST_MOMENT - self._clock.monotonic())):
                LOGGER.error("❌ %s ne s'arrête pas: abandonné", service.name)
                self.stuck.append(service.name)
