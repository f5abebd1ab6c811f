"""Another client of the node, which takes the link from whoever has it."""

from __future__ import annotations

import socket
from typing import Final

CONNECT_TIMEOUT: Final = 1.0  # seconds; the system's backlog on loopback answers at once


class RivalClient:
    """Connects every so often and says nothing; the node's own thread drives it."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._next_at: float | None = None

    def step(self, now: float, every: float, address: tuple[str, int]) -> None:
        """Steal the link if it is time; times in monotonic seconds."""
        if self._next_at is None:
            self._next_at = now + every
        if now < self._next_at:
            return
        self._next_at = now + every
        self._leave()
        try:
            self._socket = socket.create_connection(address, CONNECT_TIMEOUT)
        except OSError:
            self._socket = None  # the node refuses; there is a next time

    def stop(self) -> None:
        """Leave the link alone."""
        self._next_at = None
        self._leave()

    def is_at_other_end_of(self, accepted: socket.socket) -> bool:
        """Whether the node just accepted the thief."""
        try:
            return self._socket is not None and self._socket.getsockname() == accepted.getpeername()
        except OSError:
            return False  # that caller left already, and the thief stays

    def _leave(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
