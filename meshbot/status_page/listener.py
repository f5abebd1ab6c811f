"""The listening socket with its connections: who holds one without a request makes room; one thread."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from meshbot.runtime import EXHAUSTED

# Threads that make answers: one may wait for the database while the other tells how it is
WORKERS: Final = 2
# Sockets, the listening one and the one that wakes the thread among them
MOST_SOCKETS: Final = 22
# Connections that wait to be accepted
BACKLOG: Final = 16
# Seconds without a whole request, or without a byte taken of an answer; and between two looks
IDLE: Final = 15.0
LOOK_EVERY: Final = 5.0
# Bytes
MOST_HEADERS: Final = 16_384
MOST_BODY: Final = 1024
Progress = tuple[object, ...]


class Listener(TcpWSGIServer):  # type: ignore[misc]  # the library has no types
    """Waitress's server. What it lacks: its own bounds are by the wall clock, and any byte counts as life."""

    def __init__(self, application: Callable[..., Any], listening: socket.socket, sockets: dict[int, Any]) -> None:
        """Serve from a bound socket; `sockets` are those that its loop waits for."""
        limits = Adjustments(
            sockets=[listening],
            threads=WORKERS,
            connection_limit=MOST_SOCKETS,
            backlog=BACKLOG,
            channel_timeout=int(IDLE),
            cleanup_interval=int(LOOK_EVERY),
            max_request_header_size=MOST_HEADERS,
            max_request_body_size=MOST_BODY,
            log_socket_errors=False,
            ident=None,
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(WORKERS)
        self._progress: dict[HTTPChannel, tuple[Progress, float]] = {}
        self._resumes_at = 0.0
        self._is_exhausted = False
        super().__init__(
            application,
            sockets,
            _sock=listening,
            dispatcher=dispatcher,
            adj=limits,
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
            bind_socket=False,
        )

    def accept(self) -> Any:
        """See waitress."""
        try:
            return super().accept()
        except OSError as error:
            self._is_exhausted = error.errno in EXHAUSTED
            raise

    def look_after(self, now: float) -> None:
        """Close who makes no progress, and the longest of them where all places are taken; `now` is monotonic."""
        if self._is_exhausted:
            self.accepting, self._is_exhausted, self._resumes_at = False, False, now + LOOK_EVERY
        elif now >= self._resumes_at:
            self.accepting = True
        channels = list(self.active_channels.values())
        self._progress = {each: self._since(each, now) for each in channels}
        waiting = sorted((each for each in channels if _waits_for_client(each)), key=self._stands_since)
        late = [each for each in waiting if now - self._stands_since(each) >= IDLE]
        if not late and len(self._map) >= MOST_SOCKETS:
            # whoever comes next finds a place
            late = waiting[:1]
        for each in late:
            each.handle_close()

    def _stands_since(self, channel: HTTPChannel) -> float:
        return self._progress[channel][1]

    def _since(self, channel: HTTPChannel, now: float) -> tuple[Progress, float]:
        """Return where a connection stands, and since when."""
        stands: Progress = (channel.request, len(channel.requests), channel.total_outbufs_len)
        known = self._progress.get(channel)
        return known if known is not None and known[0] == stands else (stands, now)


def _waits_for_client(channel: HTTPChannel) -> bool:
    """Return whether it is the client's turn: to ask, or to read."""
    return not channel.requests or channel.total_outbufs_len > 0
