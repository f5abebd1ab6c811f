"""The listening socket in its three modes: it accepts, refuses, or leaves connections hanging."""

from __future__ import annotations

import contextlib
import socket
from enum import Enum, auto
from typing import Final

LAST_PORT: Final = 65_535
BACKLOG: Final = 8
# Connections; enough to fill a backlog of 0
FILLERS: Final = 3


class ListenerMode(Enum):
    """How new connections are treated."""

    OPEN = auto()
    REFUSING = auto()
    HANGING = auto()


class Listener:
    """Holds one port from `open` to `close`, in any mode."""

    def __init__(self, host: str, port: int) -> None:
        """Take the address, port 0 for any free one; ValueError if there is no such port."""
        if not 0 <= port <= LAST_PORT:
            raise ValueError(f"port={port}: it is a number from 0 (any free one) to {LAST_PORT}")
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._mode: ListenerMode | None = None
        self.port = port  # 0 until `open` chose one

    def open(self) -> None:
        """Bind the port; OSError names one that cannot be bound."""
        try:
            self._socket = self._bound()
        except OSError as error:
            message = f"cannot listen on {self._host}:{self.port}: {error.strerror}"
            raise OSError(error.errno, message) from error
        self.port = self._socket.getsockname()[1]

    def set_mode(self, mode: ListenerMode) -> None:
        """Change the mode; if the port is lost meanwhile, a later call binds it again."""
        if mode == self._mode and self._socket is not None:
            return
        # A socket that listens cannot be made to refuse
        if self._mode is not None:
            self.close()
        try:
            self._socket = self._socket or self._bound()
            self._listen(mode)
        except OSError:
            # Another process holds the port for a moment; until then it refuses
            self.close()
        self._mode = mode

    @property
    def listening(self) -> socket.socket | None:
        """Return the socket that clients may come to, None if none may."""
        return self._socket if self._mode == ListenerMode.OPEN else None

    def accept(self) -> socket.socket | None:
        """Return the longest waiting connection, if any."""
        try:
            return None if self.listening is None else self.listening.accept()[0]
        except OSError:
            # None waits, or it was closed meanwhile
            return None

    def close(self) -> None:
        """Release the port; waiting connections are reset."""
        for each in (*self._fillers, self._socket):
            if each is not None:
                each.close()
        self._fillers.clear()
        self._socket = None

    def _bound(self) -> socket.socket:
        bound = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setblocking(False)  # noqa: FBT003 - the standard library's signature
            bound.bind((self._host, self.port))
        except OSError:
            bound.close()
            raise
        return bound

    def _listen(self, mode: ListenerMode) -> None:
        # Bound but not listening: the port stays ours and the system refuses connections
        if self._socket is None or mode == ListenerMode.REFUSING:
            return
        self._socket.listen(BACKLOG if mode == ListenerMode.OPEN else 0)
        if mode == ListenerMode.HANGING:
            for _ in range(FILLERS):
                filler = socket.socket(self._family, socket.SOCK_STREAM)
                filler.setblocking(False)  # noqa: FBT003 - the standard library's signature
                self._fillers.append(filler)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(self._socket.getsockname())
