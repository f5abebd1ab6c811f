"""The main thread's work: start the services, have them watched, stop them."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final

from meshbot.runtime.clock import Clock, SystemClock
from meshbot.runtime.service import Service
from meshbot.runtime.watchdog import Watchdog

LOGGER = logging.getLogger(__name__)
# Seconds; a signal that comes just before the main thread waits, or that another thread catches, does not end the wait
CHECK_EVERY: Final = 0.5
# Seconds of the grace that a stuck service leaves to each one behind it
LAST_MOMENT: Final = 0.1
# The request to read the settings again
RELOAD: Final = object()


def outlive_hangups() -> None:
    """Let no SIGHUP end a program without terminal before `catch_signals`: it reads its settings after that anyway."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL and not _has_terminal():
        # SIG_IGN is nohup's, and children inherit it
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)


def catch_signals(requests: SimpleQueue[Any]) -> None:
    """Turn SIGTERM and SIGINT into requests to stop, SIGHUP into RELOAD; main thread only.

    SIGHUP stops a program whose terminal has gone, for which it was sent; ignored (nohup) it stays so.
    """
    # SimpleQueue.put is reentrant, so a signal handler may call it; Event.set is not.
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _frame: requests.put(signal.Signals(number)))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        had_terminal = _has_terminal()

        def hang_up(number: int, _frame: object) -> None:
            requests.put(signal.Signals(number) if had_terminal and not _has_terminal() else RELOAD)

        signal.signal(signal.SIGHUP, hang_up)


def ignore_hangups() -> None:
    """Let no SIGHUP change the exit code of a program whose work is done: Python takes its handlers away first."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _has_terminal() -> bool:
    """Return whether the process has a terminal that could send it signals."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class Supervisor:
    """Starts services in order, watches them, stops them in reverse order within one shared grace period."""

    def __init__(
        self,
        services: Sequence[Service],
        clock: Clock,
        grace: float,
        requests: SimpleQueue[Any],
        watchdog: Watchdog | None = None,
        *,
        reload: Callable[[], object] = bool,
        stop_clock: Clock | None = None,
    ) -> None:
        """Take the services in starting order, the grace in seconds, and the queue of reasons to stop.

        `reload` is called for each RELOAD among these; it returns at once. The grace counts on `stop_clock`, for none
        in real time, in which threads are joined.
        """
        self.services = services
        self._clock = clock
        self._stop_clock = stop_clock or SystemClock()
        self.grace = grace
        self._requests = requests
        self._watchdog = watchdog or Watchdog(None, ())
        self._reload = reload
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
                request = self._requests.get(timeout=CHECK_EVERY)
                if request is not RELOAD:
                    return request
                self._reload()

    def _stop(self, started: Sequence[Service]) -> None:
        deadline = self._stop_clock.monotonic() + self.grace
        for behind, service in reversed(list(enumerate(started))):
            service.stop()
            if not service.join(max(0.0, deadline - behind * LAST_MOMENT - self._stop_clock.monotonic())):
                LOGGER.error("❌ %s ne s'arrête pas: abandonné", service.name)
                self.stuck.append(service.name)
