"""Records for tests: what went on air for clients, and what clients sent."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.packets import text_of

RECORDS_KEPT: Final = 20_000  # of a kind; a node may run for days


@dataclass(frozen=True, slots=True)
class Transmission:
    """One packet that went on air for the client; its retransmissions are not recorded."""

    packet: mesh_pb2.MeshPacket
    at: float  # clock seconds
    is_signed: bool = False  # by firmware 2.8

    @property
    def text(self) -> str:
        """Return the text, "" if it is no text message."""
        return text_of(self.packet)

    @property
    def to(self) -> int:
        """Return the destination's number."""
        number: int = self.packet.to
        return number

    @property
    def reply_id(self) -> int:
        """Return the id of the packet that this one answers, or 0."""
        number: int = self.packet.decoded.reply_id
        return number

    @property
    def channel(self) -> int:
        """Return the channel's index."""
        number: int = self.packet.channel
        return number


@dataclass(frozen=True, slots=True)
class ReceivedPacket:
    """One packet that the client sent, and why the node dropped it ("" if it was accepted)."""

    packet: mesh_pb2.MeshPacket
    at: float  # clock seconds
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """All messages of clients so far, by kind."""

    heartbeats: int = 0
    want_configs: tuple[int, ...] = ()  # their ids
    disconnects: int = 0
    malformed: int = 0
    others: int = 0
    packets: tuple[ReceivedPacket, ...] = ()


@dataclass(slots=True)
class ReceivedLog:
    """The growing form of Received."""

    heartbeats: int = 0
    want_configs: list[int] = field(default_factory=list)
    disconnects: int = 0
    malformed: int = 0
    others: int = 0
    packets: deque[ReceivedPacket] = field(default_factory=lambda: deque(maxlen=RECORDS_KEPT))

    def snapshot(self) -> Received:
        """Return what was received up to now."""
        return Received(
            heartbeats=self.heartbeats,
            want_configs=tuple(self.want_configs),
            disconnects=self.disconnects,
            malformed=self.malformed,
            others=self.others,
            packets=tuple(self.packets),
        )
