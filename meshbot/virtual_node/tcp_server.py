"""The node's TCP server: one client at a time, a new one evicts the older, ten polls a second."""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Callable
from math import ceil, inf
from typing import Final

from meshbot.runtime import Clock, SystemClock
from meshbot.virtual_node.client_connection import ClientConnection, End
from meshbot.virtual_node.firmware import Firmware
from meshbot.virtual_node.listener import Listener, ListenerMode

LOGGER = logging.getLogger(__name__)
# The poll's wait is real even if the node's clock is a test's, unless a selector of its own is given
REAL: Final = SystemClock()
POLL: Final = 0.1  # seconds between two polls for new clients, as in the firmware
LONGEST_PAUSE: Final = 3600.0  # seconds
WAKE_BYTES: Final = 4096
CONNECT_TIMEOUT: Final = 1.0  # seconds; the system's backlog on loopback answers at once


class RivalClient:
    """Another client, which takes the link from the present one every so often; the node's own thread drives it."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._next_at: float | None = None

    def step(self, now: float, every: float, address: tuple[str, int]) -> None:
        """Connect if it is time; times in monotonic seconds."""
        if self._next_at is None:
            self._next_at = now + every
        if now < self._next_at:
            return
        self._next_at = now + every
        self._disconnect()
        try:
            self._socket = socket.create_connection(address, CONNECT_TIMEOUT)
        except OSError:
            # The node refuses; the next attempt comes
            self._socket = None

    def stop(self) -> None:
        """Disconnect, and connect no more."""
        self._next_at = None
        self._disconnect()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is connected and no connection is planned."""
        return self._next_at is None

    def is_peer_of(self, accepted: socket.socket) -> bool:
        """Whether this accepted connection is the rival's."""
        try:
            return self._socket is not None and self._socket.getsockname() == accepted.getpeername()
        except OSError:
            # That client is gone already
            return False

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class TcpServer:
    """Connects a Firmware to its client. One thread calls it, only `wake` may be called from others."""

    # These three exist from `open` to `close`
    _selector: selectors.BaseSelector
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
        self._may_skip_polls = new_selector is not None
        self._firmware = firmware
        self._clock = clock
        self._host = host
        self._listener = Listener(host, port)
        self._rival = RivalClient()
        self._client: ClientConnection | None = None
        self._client_is_rival = False
        self._accepted = 0
        # Somebody has connected, and the next poll finds it
        self._awaits_accept = False
        self._next_tick = 0.0
        self._watched: socket.socket | None = None
        self.connections = 0  # clients accepted, the rival not counted

    @property
    def port(self) -> int:
        """Return the port, chosen at `open` if it was 0."""
        return self._listener.port

    @property
    def connected(self) -> bool:
        """Whether a client holds the link and has not closed its side."""
        return self._client is not None and not self._client_is_rival and not self._client.half_closed

    @property
    def present_connection(self) -> int:
        """Return the ordinal number of the present connection, or of the next one."""
        return self._accepted if self._client is not None else self._accepted + 1

    @property
    def next_connection(self) -> int:
        """Return the ordinal number of the next connection."""
        return self._accepted + 1

    def open(self) -> None:
        """Bind the port; OSError names one that cannot be bound."""
        self._listener.open()
        self._selector = self._new_selector()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self.serve()

    def close(self) -> None:
        """Release everything: the client gets a FIN, the port is free."""
        self.drop()
        self._rival.stop()
        self._listener.close()
        for end in (self._selector, self._wake_in, self._wake_out):
            end.close()

    def wake(self) -> None:
        """Let the present or next `wait` return at once."""
        try:
            self._wake_out.send(b"\0")
        except BlockingIOError:
            # The bytes that wait there wake it
            return

    def wait(self) -> None:
        """Wait until there is something to do: at most until the next poll, unless no poll before can find anything."""
        skips_polls = self._may_skip_polls and self._is_idle()
        listening = self._listener.listening if skips_polls else None
        if listening is not None:
            self._selector.register(listening, selectors.EVENT_READ)
        ready = self._selector.select(self._idle_pause() if skips_polls else self._pause())
        if listening is not None:
            self._selector.unregister(listening)
        for key, mask in ready:
            if key.fileobj is self._wake_in:
                self._wake_in.recv(WAKE_BYTES)
            elif key.fileobj is listening:
                self._awaits_accept = True
            elif self._client is not None and mask & selectors.EVENT_WRITE:
                self._client.blocked = False
        if skips_polls:
            self._pass_polls()

    def serve(self) -> None:
        """Do all that is due: on the mesh, at the listener, for the client."""
        now = self._clock.monotonic()
        firmware, faults = self._firmware, self._firmware.faults
        faults.set_time(now)
        if not faults.paused:
            firmware.poll(now)
        if not firmware.is_up(now):
            self.drop()
            self._listener.set_mode(ListenerMode.REFUSING)
        else:
            refusing = ListenerMode.REFUSING if "refuse" in faults else ListenerMode.OPEN
            self._listener.set_mode(ListenerMode.HANGING if "blackhole" in faults else refusing)
        if self._poll_clock.monotonic() >= self._next_tick:
            self._next_tick = self._poll_clock.monotonic() + POLL
            self._tick(now)
        if self._client is not None:
            self._end(self._client.read(now))
            firmware.settle(now)
        if self._client is not None:
            self._end(self._client.write(now))
        self._watch()

    def drop(self) -> None:
        """End the client's connection with a FIN."""
        if self._client is not None:
            self._unwatch()
            self._client.close()
            self._forget_client()

    def reset(self) -> None:
        """End the client's connection with a RST."""
        if self._client is not None:
            self._unwatch()
            self._client.reset()
            self._forget_client()

    def _pause(self) -> float:
        """Return how long nothing can be due, in seconds; at most POLL, so that a moved clock is noticed."""
        now = self._clock.monotonic()
        due = self._client.due(now) - now if self._client is not None else POLL
        return max(0.0, min(due, self._next_tick - self._poll_clock.monotonic(), POLL))

    def _is_idle(self) -> bool:
        """Whether all that can happen is known by time or shows at a socket."""
        client = self._client
        return (
            not (self._awaits_accept or self._firmware.faults.names())
            and not self._firmware.awaits_room
            and self._rival.is_stopped
            and (client is None or not (client.half_closed or client.blocked))
        )

    def _idle_pause(self) -> float:
        """Return how long nothing can be due, in seconds: a test's clock, for which ten jumps a second are many."""
        now = self._clock.monotonic()
        client_due = inf if self._client is None else min(self._client.due(now), self._client.phone.expires)
        return max(0.0, min(self._firmware.due, client_due, now + LONGEST_PAUSE) - now)

    def _pass_polls(self) -> None:
        """Move on to the first poll that is not past: a client waits for it here as at the firmware."""
        past = self._poll_clock.monotonic() - self._next_tick
        self._next_tick += POLL * max(0, ceil(past / POLL))

    def _tick(self, now: float) -> None:
        """Check for a new client and check the present one, as the firmware does ten times a second."""
        faults = self._firmware.faults
        self._awaits_accept = False
        if self._client is not None:
            self._end(self._client.tick(now))
        if not (faults.paused or "stuck" in faults) and (accepted := self._listener.accept()) is not None:
            self._accept(accepted, now)
        if "rival_client" in faults:
            self._rival.step(now, faults.number("rival_client", "every"), (self._host, self.port))
        else:
            self._rival.stop()

    def _accept(self, accepted: socket.socket, now: float) -> None:
        if self._client is not None:
            LOGGER.info("👢 Client évincé par un nouveau venu")
            self.drop()
        self._accepted += 1
        self._client_is_rival = self._rival.is_peer_of(accepted)
        self.connections += not self._client_is_rival
        phone = self._firmware.connect(self._accepted, now)
        self._client = ClientConnection(accepted, self._accepted, phone, self._firmware.faults, now)
        LOGGER.info("🔌 Client n° %d accepté%s", self._accepted, " (le voleur)" if self._client_is_rival else "")

    def _end(self, end: End | None) -> None:
        if end is not None:
            LOGGER.info("🔌 Lien terminé: %s", end.value)
            self.drop()

    def _forget_client(self) -> None:
        self._client = None
        self._firmware.disconnect()

    def _watch(self) -> None:
        """Register with the selector what the connection waits for."""
        if self._client is None:
            return
        mask = selectors.EVENT_READ * self._client.wants_to_read | selectors.EVENT_WRITE * self._client.wants_to_write
        if not mask:
            self._unwatch()
        elif self._watched is None:
            self._selector.register(self._client.sock, mask)
            self._watched = self._client.sock
        elif self._selector.get_key(self._watched).events != mask:
            self._selector.modify(self._watched, mask)

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._selector.unregister(self._watched)
            self._watched = None
