"""Thread ownership: a Service owns one thread and one inbox; the Supervisor owns the Services."""

from __future__ import annotations

import abc
import logging
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, Final

from meshbot.runtime.clock import Clock
from meshbot.runtime.throttle import Throttle

LOGGER = logging.getLogger(__name__)
STOP: Final = object()
PING: Final = object()
# seconds; a signal that comes just before the main thread waits, or that another thread catches, does not end the wait
SIGNAL_CHECK = 0.5
DROP_REPORT_EVERY = 60.0  # seconds between two lines about a full inbox
LAST_MOMENT = 0.1  # seconds of the grace that a stuck service leaves to each one behind it


class Service(abc.ABC):
    """One thread, one inbox. Subclasses react to messages and deadlines; they block nowhere else."""

    name: str

    def __init__(self, clock: Clock, inbox_limit: float = inf) -> None:
        """Make the service; nothing runs until `start`. `inbox_limit` bounds what `offer` may queue."""
        self._clock = clock
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._inbox_limit = inbox_limit
        self._drops = Throttle(DROP_REPORT_EVERY)
        self._thread: threading.Thread | None = None
        self.pings_answered = 0

    @abc.abstractmethod
    def handle(self, message: Any) -> None:
        """React to one message, in the service's thread."""

    def on_deadline(self) -> None:
        """React to a passed deadline, in the service's thread."""

    def on_start(self) -> None:
        """Run once in the service's thread before the first message."""

    def on_stop(self) -> None:
        """Run once in the service's thread after the last message, also after a crash."""

    def deadline(self) -> float:
        """Return when `on_deadline` is due (monotonic seconds), inf for never."""
        return inf

    def tell(self, message: object) -> None:
        """Queue a message; never blocks, never refuses. For senders inside the process."""
        self._inbox.put(message)

    def offer(self, message: object) -> bool:
        """Queue what the network sent; beyond the limit drop it, count it, and return False."""
        if self._inbox.qsize() >= self._inbox_limit:
            self._drops.note()  # only counted here: the sender is a thread that must not wait for the log
            return False
        self._inbox.put(message)
        return True

    def start(self, crashed: SimpleQueue[Any]) -> None:
        """Start the thread; an exception that escapes it is put into `crashed`."""
        # daemon: a thread that hangs against all care must not keep the process from exiting
        self._thread = threading.Thread(target=self._main, args=(crashed,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; returns at once. The owner joins."""
        self._inbox.put(STOP)

    def join(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds; return whether the thread has ended."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self, crashed: SimpleQueue[Any]) -> None:
        for part in (self._live, self.on_stop):
            try:
                part()
            except BaseException as exc:  # also sys.exit, which the library calls: the process restarts
                LOGGER.critical("💥 %s: %s: %s", self.name, type(exc).__name__, exc, exc_info=True)
                crashed.put(exc)

    def _live(self) -> None:
        self.on_start()
        while (message := self._clock.get(self._inbox, self.deadline())) is not STOP:
            if message is PING:
                self.pings_answered += 1
            elif message is None:
                self.on_deadline()
            else:
                self.handle(message)
            self._report_drops(self._clock.monotonic())

    def _report_drops(self, now: float) -> None:
        if dropped := self._drops.due(now):
            LOGGER.warning("⚠️ %s: file pleine, %d messages refusés", self.name, dropped)


def catch_signals(requests: SimpleQueue[Any]) -> None:
    """Turn SIGTERM, SIGINT and SIGHUP into requests to stop; main thread only. SIGHUP ignored (nohup) stays so."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signum is not signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
            # SimpleQueue.put is reentrant, so a signal handler may call it; Event.set is not.
            signal.signal(signum, lambda number, _frame: requests.put(signal.Signals(number)))


class Supervisor:
    """Starts services in order, stops them in reverse order within one shared grace period."""

    def __init__(self, services: Sequence[Service], clock: Clock, grace: float, requests: SimpleQueue[Any]) -> None:
        """Take the services in starting order, the grace in seconds, and the queue of reasons to stop."""
        self._services = services
        self._clock = clock
        self._grace = grace
        self._requests = requests
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
            with suppress(Empty):
                return self._requests.get(timeout=SIGNAL_CHECK)

    def _stop(self, started: Sequence[Service]) -> None:
        deadline = self._clock.monotonic() + self._grace
        for behind, service in reversed(list(enumerate(started))):
            service.stop()
            if not service.join(max(0.0, deadline - behind * LAST_MOMENT - self._clock.monotonic())):
                LOGGER.error("❌ %s ne s'arrête pas: abandonné", service.name)
                self.stuck.append(service.name)
