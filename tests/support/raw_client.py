"""A plain TCP client of a node: sends ToRadio messages, reads FromRadio messages, sees how the connection ends."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Self

from google.protobuf.message import DecodeError
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.framing import Deframer, frame

PATIENCE = 20.0  # real seconds: only a failure waits so long


class RawClient:
    """Connects at once; every wait is bounded by PATIENCE."""

    def __init__(self, port: int, timeout: float = PATIENCE) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.stream = b""  # all that came
        self.broken = 0  # frames that made no message
        self._deframer = Deframer()
        self._ready: list[mesh_pb2.FromRadio] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def to_radio(self, **content: Any) -> None:
        """Send one ToRadio."""
        self.socket.sendall(frame(mesh_pb2.ToRadio(**content).SerializeToString()))

    def heartbeat(self) -> mesh_pb2.QueueStatus:
        """Send a heartbeat and return its answer."""
        self.to_radio(heartbeat={})
        return self.until(lambda message: message.HasField("queueStatus"))[-1].queueStatus

    def configure(self, nonce: int = 7) -> list[mesh_pb2.FromRadio]:
        """Ask for the configuration and return all that comes with it."""
        self.to_radio(want_config_id=nonce)
        return self.until(lambda message: message.config_complete_id == nonce)

    def until(self, wanted: Callable[[mesh_pb2.FromRadio], bool]) -> list[mesh_pb2.FromRadio]:
        """Return the messages up to the first wanted one; EOFError if the node ends the connection first."""
        taken: list[mesh_pb2.FromRadio] = []
        while True:
            while self._ready:
                taken.append(self._ready.pop(0))
                if wanted(taken[-1]):
                    return taken
            self._read()

    def text(self) -> str:
        """Return the next text that the node delivers."""
        message = self.until(lambda message: message.packet.decoded.portnum == 1)[-1]
        payload: bytes = message.packet.decoded.payload
        return payload.decode()

    def end(self) -> str:
        """Read until the connection ends; return "FIN" or "RST"."""
        try:
            while True:
                self._read()
        except EOFError:
            return "FIN"
        except ConnectionResetError:
            return "RST"

    def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for that long."""
        self.socket.settimeout(seconds)
        try:
            self._read()
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False

    def _read(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError
        self.stream += data
        for payload in self._deframer.feed(data):
            try:
                self._ready.append(mesh_pb2.FromRadio.FromString(payload))
            except DecodeError:
                self.broken += 1
