"""The main thread's work: start the services, have them watched, stop them."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final

from meshbot.runtime.clock import Clock
from meshbot.runtime.service import Service
from meshbot.runtime.watchdog import Watchdog

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
        self.services = services
        self._clock = clock
        self._grace = grace
        self._requests = requests
        self._watchdog = watchdog or Watchdog(None, ())
        self.stuck: list[str] = []

    def run(self, on_started: Callable[[], object] = bool) -> Any:
        """Start all, call `on_started`, wait for the first request, stop all; return the request or the exception."""
        started: list[Service] = []
        try:
            for service in self.services:
                service.start(self._requests)
                started.append(service)
            on_started()
            return self._next_request()
        finally:
            self._stop(started)

    def _next_request(self) -> Any:
        while True:
            if hung := self._watchdog.look(self._clock.monotonic()):
                return hung
            with suppress(Empty):
                return self._requests.get(timeout=CHECK_EVERY)

    def _stop(self, started: Sequence[Service]) -> None:
        deadline = self._clock.monotonic() + self._grace
        for behind, service in reversed(list(enumerate(started))):
            service.stop()
            if not service.join(max(0.0, deadline - behind * LAST_MOMENT - self._clock.monotonic())):
                LOGGER.error("❌ %s ne s'arrête pas: abandonné", service.name)
                self.stuck.append(service.name)
