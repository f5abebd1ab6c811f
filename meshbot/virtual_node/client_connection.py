"""One accepted TCP client: its socket, its bytes in both directions, its end."""

from __future__ import annotations

import contextlib
import socket
import struct
from enum import Enum
from math import inf
from random import Random
from typing import Final

from meshbot.virtual_node.faults import ActiveFaults
from meshbot.virtual_node.framing import Deframer
from meshbot.virtual_node.phone_api import PhoneApi
from meshbot.virtual_node.wire import Wire

READ_SIZE: Final = 65_536
MOST_READS: Final = 64  # when closing; a client that sends more gets a reset
ENOUGH_PENDING: Final = 65_536  # bytes; the rest of a configuration is made when these are sent
LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class End(Enum):
    """Why a connection ends."""

    CLIENT_DISCONNECTED = "le client a dit au revoir"
    CUT_AT_TEXT = "coupé à un texte"
    CLIENT_RESET = "réinitialisé par le client"
    CLIENT_GONE = "client parti"
    IDLE = "15 min sans message du client"


class ClientConnection:
    """Serves one client until it or the node ends it; used by the node's thread alone."""

    def __init__(self, sock: socket.socket, number: int, phone: PhoneApi, faults: ActiveFaults, now: float) -> None:
        """Take over a connected socket; `number` counts the connections from 1."""
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.number = number
        self.phone = phone
        # The client closed its side; the firmware notices when a write fails
        self.half_closed = False
        # The client does not read: the socket takes no more bytes
        self.blocked = False
        self._faults = faults
        self._deframer = Deframer()
        self._wire = Wire(faults, Random(number), now)
        self._reset = False
        # The client is half closed and got bytes: wait whether it resets
        self._wrote_half_closed = False

    @property
    def frozen(self) -> bool:
        """Whether faults keep the node from reading and writing here."""
        faults = self._faults
        return faults.paused or "stuck" in faults or "blackhole" in faults or self._affects("accept_then_nothing")

    @property
    def mute(self) -> bool:
        """Whether faults keep the node from executing and answering messages."""
        return self._affects("mute")

    @property
    def wants_to_read(self) -> bool:
        """Whether the selector should look for bytes."""
        return not self.frozen and not self.half_closed

    @property
    def wants_to_write(self) -> bool:
        """Whether the selector should look for room."""
        return self.blocked and not self.frozen

    def due(self, now: float) -> float:
        """Return when queued bytes may go, inf if none waits for time."""
        return inf if self.frozen or self.mute or self.blocked else self._wire.due(now)

    def read(self, now: float) -> End | None:
        """Handle what the client sent; return why the connection ends, if it does."""
        for payload in self._deframer.feed(self._receive()) if self.wants_to_read else ():
            self.phone.handle(payload, now, mute=self.mute)
            if self.phone.closed:
                return End.CLIENT_DISCONNECTED
            if self.phone.cut:
                return End.CUT_AT_TEXT
        return End.CLIENT_RESET if self._reset else None

    def write(self, now: float) -> End | None:
        """Send what is due; return why the connection ends, if it does."""
        if self.frozen or self.mute or self.blocked:
            return None
        try:
            while self._refill(now) and (piece := self._wire.ready(now)):
                self._wire.sent(self.sock.send(piece))
                self._wrote_half_closed = self.half_closed
        except BlockingIOError:
            self.blocked = True
        except OSError:
            return End.CLIENT_GONE
        return None

    def tick(self, now: float) -> End | None:
        """Check the connection at every poll; return why it ends, if it does."""
        if self.frozen:
            return None
        # The reset of a client that is gone would have arrived by now
        self._wrote_half_closed = False
        if self._broken():
            return End.CLIENT_GONE
        return End.IDLE if now >= self.phone.expires else None

    def close(self) -> None:
        """End the connection with a FIN."""
        # Unread bytes would turn the FIN into a reset
        with contextlib.suppress(OSError):
            for _ in range(MOST_READS):
                if not self.sock.recv(READ_SIZE):
                    break
        self.sock.close()

    def reset(self) -> None:
        """End the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.sock.close()

    def _receive(self) -> bytes:
        try:
            data = self.sock.recv(READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError:
            self._reset = True
            return b""
        self.half_closed = self.half_closed or not data
        return data

    def _refill(self, now: float) -> bool:
        """Queue the next frames unless enough wait; return whether bytes are queued."""
        frames: list[bytes] = []
        room = ENOUGH_PENDING - self._wire.pending
        while room > 0 and not self._wrote_half_closed and (framed := self.phone.next_frame(now)) is not None:
            frames.append(framed)
            # One message is what the firmware loses after a FIN
            room -= room if self.half_closed else len(framed)
        self._wire.push(frames, now)
        return self._wire.pending > 0

    def _broken(self) -> bool:
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def _affects(self, fault: str) -> bool:
        return self._faults.affects_connection(fault, self.number)
