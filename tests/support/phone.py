"""A client of the virtual node's firmware without sockets: sends messages, drains the answers, lets time pass."""

from __future__ import annotations

from typing import Any

from meshtastic.protobuf import admin_pb2, mesh_pb2, portnums_pb2

from meshbot.virtual_node.firmware import Firmware
from meshbot.virtual_node.framing import Deframer
from meshbot.virtual_node.packets import BROADCAST_NUM
from meshbot.virtual_node.population import User

PortNum = portnums_pb2.PortNum
START = 1000.0
EPOCH = 1_700_000_000
DEFAULTS: dict[str, Any] = {
    "nodes": 12,
    "seed": 1,
    "version": "2.7.26",
    "keys": None,
    "chatter": 0.0,
    "queue_size": 32,
    "airtime": 0.15,
    "capacity": None,
    "now": START,
    "epoch": EPOCH,
}


def from_radio(stream: bytes) -> list[mesh_pb2.FromRadio]:
    """Return the messages in what the node sent."""
    return [mesh_pb2.FromRadio.FromString(payload) for payload in Deframer().feed(stream)]


def error_of(packet: mesh_pb2.MeshPacket) -> str:
    """Return the name of the error in a routing packet."""
    assert packet.decoded.portnum == PortNum.ROUTING_APP
    return mesh_pb2.Routing.Error.Name(mesh_pb2.Routing.FromString(packet.decoded.payload).error_reason)


class Phone:
    """Holds one Firmware and one client session on it; `now` moves with `later`."""

    def __init__(self, *, configured: bool = True, **options: Any) -> None:
        self.firmware = Firmware(**(DEFAULTS | options))
        self.now = START
        self.connections = 0
        self._next_id = 100
        self.connect()
        if configured:
            self.configure()

    @property
    def num(self) -> int:
        """Return the node's number."""
        return self.firmware.own.num

    @property
    def keyed(self) -> User:
        """Return a user with a public key."""
        return next(user for user in self.firmware.users if user.public_key)

    @property
    def keyless(self) -> User:
        """Return a user without one."""
        return next(user for user in self.firmware.users if not user.public_key)

    def connect(self) -> None:
        """Begin a new session, as a new TCP connection does."""
        self.connections += 1
        self.firmware.poll(self.now)
        self.api = self.firmware.connect(self.connections, self.now)

    def configure(self, nonce: int = 7) -> list[mesh_pb2.FromRadio]:
        """Ask for the configuration; return all that comes."""
        self.to_radio(want_config_id=nonce)
        return self.drain()

    def hear_from(self, user: User, text: str = "bonjour", **fields: Any) -> int:
        """Let the node hear a user's text; return the packet id."""
        return self.firmware.hear_text(user.num, text, self.now, **fields)

    def to_radio(self, **content: Any) -> None:
        """Send one ToRadio."""
        self.api.handle(mesh_pb2.ToRadio(**content).SerializeToString(), self.now)
        self.firmware.settle(self.now)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.firmware.poll(self.now)

    def drain(self) -> list[mesh_pb2.FromRadio]:
        """Return all messages that the node has for its client now."""
        frames: list[bytes] = []
        while (framed := self.api.next_frame(self.now)) is not None:
            frames.append(framed)
        return from_radio(b"".join(frames))

    def packets(self) -> list[mesh_pb2.MeshPacket]:
        """Drain, and return the packets."""
        return [message.packet for message in self.drain() if message.HasField("packet")]

    def statuses(self) -> list[mesh_pb2.QueueStatus]:
        """Drain, and return the queue statuses."""
        return [message.queueStatus for message in self.drain() if message.HasField("queueStatus")]

    def send(self, to: int = BROADCAST_NUM, payload: bytes | str = "bonjour", port: int = 1, **fields: Any) -> int:
        """Send a packet; `data` are fields of its Data; return its id."""
        self._next_id += 1
        packet_id = fields.pop("id", self._next_id)
        data = fields.pop("data", {})
        payload = payload.encode() if isinstance(payload, str) else payload
        decoded = mesh_pb2.Data(portnum=port, payload=payload, **data)
        self.to_radio(packet=mesh_pb2.MeshPacket(to=to, id=packet_id, decoded=decoded, **fields))
        return packet_id

    def admin(self, *, want_ack: bool = True, want_response: bool = False, **content: Any) -> int:
        """Send an admin message; return the packet id."""
        payload = admin_pb2.AdminMessage(**content).SerializeToString()
        data = {"want_response": want_response}
        return self.send(self.num, payload, PortNum.ADMIN_APP, want_ack=want_ack, data=data)

    def ask(self, **content: Any) -> admin_pb2.AdminMessage:
        """Send an admin message and return the node's answer."""
        packet_id = self.admin(want_response=True, **content)
        (packet,) = self.packets()
        assert packet.decoded.request_id == packet_id
        return admin_pb2.AdminMessage.FromString(packet.decoded.payload)

    def on_air(self) -> list[str]:
        """Return the texts that went on air."""
        return [sent.text for sent in self.firmware.transmitted if sent.text]
