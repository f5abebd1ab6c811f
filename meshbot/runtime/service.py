"""Thread ownership: a Service owns one thread and one inbox."""

from __future__ import annotations

import abc
import logging
import threading
from math import inf
from queue import SimpleQueue
from typing import Any, Final

from meshbot.runtime.clock import Clock
from meshbot.runtime.throttle import Throttle

LOGGER = logging.getLogger(__name__)
STOP: Final = object()
PING: Final = object()
# Seconds between two lines about a full inbox
DROP_REPORT_EVERY = 60.0


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
            # only counted here: the sender is a thread that must not wait for the log
            self._drops.note()
            return False
        self._inbox.put(message)
        return True

    @property
    def dropped(self) -> int:
        """How many messages `offer` has dropped so far; any thread may ask."""
        return self._drops.noted

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
            # also sys.exit, which the library calls: the process restarts
            except BaseException as exc:
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


class ServiceHandle:
    """Stands for a service that is built later, for those that have to know it before: two that send to each other."""

    def __init__(self) -> None:
        self._service: Service | None = None

    def connect(self, service: Service) -> None:
        """Name the service; once, before anything is sent."""
        self._service = service

    def tell(self, message: object) -> None:
        """See Service."""
        if self._service is None:
            raise RuntimeError("the service is not built yet")
        self._service.tell(message)
