"""The listening socket in its three moods: it opens, refuses, or leaves callers hanging."""

from __future__ import annotations

import contextlib
import socket
from enum import Enum, auto
from typing import Final

LAST_PORT: Final = 65_535
BACKLOG: Final = 8
FILLERS: Final = 3  # connections that fill a backlog of 0 for sure


class ListenerMode(Enum):
    """How the door treats callers."""

    OPEN = auto()
    REFUSING = auto()
    HANGING = auto()


class Listener:
    """Holds one port from `open` to `close`, in every mood."""

    def __init__(self, host: str, port: int) -> None:
        """Name the address, port 0 for any free one; ValueError if there is no such port."""
        if not 0 <= port <= LAST_PORT:
            raise ValueError(f"port={port}: it is a number from 0 (any free one) to {LAST_PORT}")
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._mood: ListenerMode | None = None
        self.port = port  # 0 until `open` chose one

    def open(self) -> None:
        """Take the port; OSError says which one could not be had."""
        try:
            self._socket = self._bound()
        except OSError as error:
            message = f"cannot listen on {self._host}:{self.port}: {error.strerror}"
            raise OSError(error.errno, message) from error
        self.port = self._socket.getsockname()[1]

    def be(self, mood: ListenerMode) -> None:
        """Change the mood; if the port is briefly lost meanwhile, a later call gets it back."""
        if mood == self._mood and self._socket is not None:
            return
        if self._mood is not None:
            self.close()  # a socket that listens cannot be made to refuse
        try:
            self._socket = self._socket or self._bound()
            self._listen(mood)
        except OSError:
            self.close()  # whoever holds the port now lets go of it soon; meanwhile it refuses
        self._mood = mood

    def accept(self) -> socket.socket | None:
        """Return the longest waiting caller, if any."""
        if self._socket is None or self._mood != ListenerMode.OPEN:
            return None
        try:
            return self._socket.accept()[0]
        except OSError:
            return None  # nobody, or a caller who left meanwhile

    def close(self) -> None:
        """Let the port go; who waits is reset."""
        for held in (*self._fillers, self._socket):
            if held is not None:
                held.close()
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

    def _listen(self, mood: ListenerMode) -> None:
        if self._socket is None or mood == ListenerMode.REFUSING:
            return  # bound but not listening: the port stays ours and the system refuses callers
        self._socket.listen(BACKLOG if mood == ListenerMode.OPEN else 0)
        if mood == ListenerMode.HANGING:
            for _ in range(FILLERS):
                filler = socket.socket(self._family, socket.SOCK_STREAM)
                filler.setblocking(False)  # noqa: FBT003 - the standard library's signature
                self._fillers.append(filler)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(self._socket.getsockname())
