"""The virtual node's firmware on one blocking socket, without threads: it times bytes out to bytes in."""

from __future__ import annotations

import socket
import time
from typing import Self

from meshtastic.protobuf import mesh_pb2

from meshbot.runtime import Clock
from meshbot.virtual_node import Deframer, Firmware, User

NODES = 42
RECV_BYTES = 65_536
PATIENCE = 30.0  # seconds for a client to come, to be configured, or to answer


class Peer:
    """Serves one client as a node would, from the calling thread; `clock` is the node's own time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._firmware = Firmware(
            nodes=NODES,
            seed=1,
            version="2.7.26",
            keys=None,
            chatter=0.0,
            queue_size=32,
            airtime=0.15,
            capacity=None,
            now=clock.monotonic(),
            epoch=int(clock.now().timestamp()),
            # more than a tenth of an hour's air is asked for
            region="US",
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self._client = socket.socket()
        self._phone = self._firmware.connect(0, clock.monotonic())
        self._deframer = Deframer()

    @property
    def port(self) -> int:
        """Return the port to connect to."""
        port: int = self._listener.getsockname()[1]
        return port

    def configure(self) -> None:
        """Accept a client and give it its configuration; TimeoutError if it does not ask."""
        self._client.close()
        self._client, _ = self._listener.accept()
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._phone = self._firmware.connect(1, self._clock.monotonic())
        due = time.perf_counter() + PATIENCE
        while not self._phone.configured:
            self._serve(due)

    @property
    def users(self) -> tuple[User, ...]:
        """Return the other nodes of the mesh; the first one asks."""
        return self._firmware.users

    def hear_text(self, user: User, text: str) -> int:
        """Send a user's direct message and return its id."""
        packet_id = self._firmware.hear_text(user.num, text, self._clock.monotonic())
        self._send()
        return packet_id

    def hear(self, packet: mesh_pb2.MeshPacket) -> None:
        """Let the node hear a packet, and send what it has for its client."""
        self._firmware.hear(packet, self._clock.monotonic())
        self._send()

    def answers(self, packet_id: int) -> int:
        """Return how many texts answered that packet so far."""
        return sum(sent.reply_id == packet_id for sent in self._firmware.transmitted)

    def ask(self, text: str) -> float:
        """Return the seconds from a question's bytes to the answer's; TimeoutError if none comes."""
        begun = time.perf_counter()
        packet_id = self.hear_text(self.users[0], text)
        while True:
            payloads, at = self._serve(begun + PATIENCE)
            if any(_answers(payload, packet_id) for payload in payloads):
                return at - begun

    def rest(self, seconds: float) -> None:
        """Go on serving for that long in real time."""
        due = time.perf_counter() + seconds
        while time.perf_counter() < due:
            try:
                self._serve(due)
            except TimeoutError:
                self._send()

    def close(self) -> None:
        """Close all sockets."""
        self._client.close()
        self._listener.close()

    def __enter__(self) -> Self:
        """Listening already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _serve(self, due: float) -> tuple[list[bytes], float]:
        """Take the client's next messages and answer them; return them with their time (perf_counter)."""
        self._client.settimeout(max(0.001, due - time.perf_counter()))
        data = self._client.recv(RECV_BYTES)
        at = time.perf_counter()
        if not data:
            raise ConnectionError("the client closed the connection")
        payloads = self._deframer.feed(data)
        for payload in payloads:
            self._phone.handle(payload, self._clock.monotonic())
        self._send()
        return payloads, at

    def _send(self) -> None:
        now = self._clock.monotonic()
        self._firmware.poll(now)
        frames = b"".join(iter(lambda: self._phone.next_frame(now) or b"", b""))
        if frames:
            self._client.settimeout(PATIENCE)
            self._client.sendall(frames)


def _answers(payload: bytes, packet_id: int) -> bool:
    return bool(mesh_pb2.ToRadio.FromString(payload).packet.decoded.reply_id == packet_id)
