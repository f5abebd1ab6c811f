"""One client of the control socket: its bytes both ways, and when it has had its time."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Mapping
from math import inf
from typing import Any, Final

from meshbot.control.protocol import LONGEST_LINE, Lines, encode

# Seconds without a request, and without a byte taken of what it is to read
IDLE: Final = 60.0
STALLED: Final = 30.0
# Bytes that may wait to be read: beyond these, lines of the log are counted instead, and beyond those it is closed
LOG_LIMIT: Final = 64_000
OUT_LIMIT: Final = 256_000
READ_BYTES: Final = 4096


class Connection:
    """Its socket does not block; one thread."""

    def __init__(self, sock: socket.socket, now: float) -> None:
        self.sock = sock
        self.lines = Lines()
        # a request is being worked on: the next one waits
        self.is_busy = False
        # it gets what waits for it, and no more
        self.is_ending = False
        self.follows_log = False
        # the events that the selector waits for; 0: it does not know the socket
        self.watched = 0
        self._out = bytearray()
        self._last = now
        self._is_lost = False
        self._missed = 0  # lines of the log

    def read(self, now: float) -> None:
        """Take what came."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._is_lost = True
            return
        self._last = now
        if data:
            self.lines.add(data)
            return
        # it may have closed its own half alone, as `nc -N` does: what it has asked is answered
        self.lines.end()
        self.is_ending = True

    def answer(self, body: Mapping[str, Any]) -> None:
        """Have an answer written."""
        self._out += encode(body)
        self._is_lost = self._is_lost or len(self._out) > OUT_LIMIT

    def log(self, body: Mapping[str, Any]) -> None:
        """Have a line of the log written, or count it if the client does not keep up."""
        if len(self._out) > LOG_LIMIT:
            self._missed += 1
            return
        if self._missed:
            self.answer({"ok": True, "more": True, "missed": self._missed})
            self._missed = 0
        self.answer(body)

    def write(self, now: float) -> None:
        """Write what the socket takes now."""
        try:
            while self._out and not self._is_lost:
                sent = self.sock.send(self._out)
                del self._out[:sent]
                self._last = now
        except BlockingIOError:
            return
        except OSError:
            self._is_lost = True

    @property
    def events(self) -> int:
        """What is waited for: no further request than the next one is read."""
        reads = not self.is_ending and len(self.lines) < LONGEST_LINE
        return (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if self._out else 0)

    @property
    def is_over(self) -> bool:
        """Whether it can be closed."""
        # what was asked behind the log is never answered
        has_all = self.follows_log or not (len(self.lines) or self.is_busy)
        return self._is_lost or (self.is_ending and not self._out and has_all)

    @property
    def deadline(self) -> float:
        """When it is closed unless something happens (monotonic seconds), inf for never."""
        if self._out:
            return self._last + STALLED
        return inf if self.is_busy else self._last + IDLE
