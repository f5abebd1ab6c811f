"""The node's side of TCP: one client at a time, the newcomer throws out the older, ten looks a second."""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Callable
from typing import Final

from runtime.clock import Clock, SystemClock
from virtual_node.door import Door, Mood
from virtual_node.firmware import Firmware
from virtual_node.link import End, Link
from virtual_node.thief import Thief

LOGGER = logging.getLogger(__name__)
REAL: Final = SystemClock()  # the poll's wait is real even if the node's clock is a test's, unless told otherwise
POLL: Final = 0.1  # seconds between two looks for new clients, as in the firmware
WAKE_BYTES: Final = 4096


class TcpServer:
    """Connects a Firmware to its client. One thread calls it, only `wake` may be called from others."""

    _selector: selectors.BaseSelector  # these three exist from `open` to `close`
    _wake_in: socket.socket
    _wake_out: socket.socket

    def __init__(
        self,
        firmware: Firmware,
        clock: Clock,
        host: str,
        port: int,
        new_selector: Callable[[], selectors.BaseSelector] | None = None,
    ) -> None:
        """Make the server; nothing listens until `open`. See VirtualNode for `new_selector`."""
        self._new_selector = new_selector or selectors.DefaultSelector
        self._poll_clock: Clock = clock if new_selector else REAL
        self._firmware = firmware
        self._clock = clock
        self._host = host
        self._door = Door(host, port)
        self._thief = Thief()
        self._link: Link | None = None
        self._link_is_thief = False
        self._accepted = 0
        self._next_tick = 0.0
        self._watched: socket.socket | None = None
        self.connections = 0  # clients accepted, the thief not counted

    @property
    def port(self) -> int:
        """Return the port, chosen at `open` if it was 0."""
        return self._door.port

    @property
    def connected(self) -> bool:
        """Whether a client holds the link and has not closed its side."""
        return self._link is not None and not self._link_is_thief and not self._link.half_closed

    @property
    def present_connection(self) -> int:
        """Return the ordinal number of the connection that has the link, or of the next one."""
        return self._accepted if self._link is not None else self._accepted + 1

    @property
    def next_connection(self) -> int:
        """Return the ordinal number that the next client gets."""
        return self._accepted + 1

    def open(self) -> None:
        """Take the port; OSError says which one could not be had."""
        self._door.open()
        self._selector = self._new_selector()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self.serve()

    def close(self) -> None:
        """Let everything go: the client gets a FIN, the port is free."""
        self.drop()
        self._thief.stop()
        self._door.close()
        for end in (self._selector, self._wake_in, self._wake_out):
            end.close()

    def wake(self) -> None:
        """Let the present or next `wait` return at once."""
        try:
            self._wake_out.send(b"\0")
        except BlockingIOError:
            return  # so many bytes wait there that it wakes anyway

    def wait(self) -> None:
        """Wait until there is something to do, or at most until the next look."""
        for key, mask in self._selector.select(self._pause()):
            if key.fileobj is self._wake_in:
                self._wake_in.recv(WAKE_BYTES)
            elif self._link is not None and mask & selectors.EVENT_WRITE:
                self._link.blocked = False

    def serve(self) -> None:
        """Do all that is due: on the mesh, at the door, for the client."""
        now = self._clock.monotonic()
        firmware, faults = self._firmware, self._firmware.faults
        firmware.poll(now)
        if not firmware.is_up(now):
            self.drop()
            self._door.be(Mood.REFUSING)
        else:
            refusing = Mood.REFUSING if "refuse" in faults else Mood.OPEN
            self._door.be(Mood.HANGING if "blackhole" in faults else refusing)
        if self._poll_clock.monotonic() >= self._next_tick:
            self._next_tick = self._poll_clock.monotonic() + POLL
            self._tick(now)
        if self._link is not None:
            self._finish(self._link.read(now))
        if self._link is not None:
            self._finish(self._link.write(now))
        self._watch()

    def drop(self) -> None:
        """End the client's connection with a FIN."""
        if self._link is not None:
            self._unwatch()
            self._link.close()
            self._forget_link()

    def reset(self) -> None:
        """End the client's connection with a RST."""
        if self._link is not None:
            self._unwatch()
            self._link.reset()
            self._forget_link()

    def _pause(self) -> float:
        """Return how long nothing can be due, in seconds; at most POLL, so that a moved clock is noticed."""
        now = self._clock.monotonic()
        due = self._link.due(now) - now if self._link is not None else POLL
        return max(0.0, min(due, self._next_tick - self._poll_clock.monotonic(), POLL))

    def _tick(self, now: float) -> None:
        """Look for new clients and at the present one, as the firmware does ten times a second."""
        faults = self._firmware.faults
        if self._link is not None:
            self._finish(self._link.tick(now))
        if "stuck" not in faults and (caller := self._door.accept()) is not None:
            self._welcome(caller, now)
        if "thief" in faults:
            self._thief.step(now, faults.number("thief", "every"), (self._host, self.port))
        else:
            self._thief.stop()

    def _welcome(self, caller: socket.socket, now: float) -> None:
        if self._link is not None:
            LOGGER.info("👢 Client évincé par un nouveau venu")
            self.drop()
        self._accepted += 1
        self._link_is_thief = self._thief.is_at_other_end_of(caller)
        self.connections += not self._link_is_thief
        phone = self._firmware.connect(self._accepted, now)
        self._link = Link(caller, self._accepted, phone, self._firmware.faults, now)
        LOGGER.info("🔌 Client n° %d accepté%s", self._accepted, " (le voleur)" if self._link_is_thief else "")

    def _finish(self, end: End | None) -> None:
        if end is not None:
            LOGGER.info("🔌 Lien terminé: %s", end.value)
            self.drop()

    def _forget_link(self) -> None:
        self._link = None
        self._firmware.disconnect()

    def _watch(self) -> None:
        """Have the selector look for what the link waits for."""
        if self._link is None:
            return
        mask = selectors.EVENT_READ * self._link.wants_to_read | selectors.EVENT_WRITE * self._link.wants_to_write
        if not mask:
            self._unwatch()
        elif self._watched is None:
            self._selector.register(self._link.sock, mask)
            self._watched = self._link.sock
        elif self._selector.get_key(self._watched).events != mask:
            self._selector.modify(self._watched, mask)

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._selector.unregister(self._watched)
            self._watched = None
