"""The traffic of many nodes: packets for a virtual node to hear, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.virtual_node import (
    BROADCAST_NUM,
    MAX_HOPS,
    User,
    data_packet,
    metrics_message,
    new_packet_id,
    position_message,
    user_message,
)

PortNum = portnums_pb2.PortNum
LORA: Final = mesh_pb2.MeshPacket.TransportMechanism.TRANSPORT_LORA
NEIGHBOURS: Final = 3
# Of the NODEINFO packets: names change seldom
RENAMED: Final = 0.05
WANDERS: Final = 0.001  # degrees between two positions

# Shares of telemetry, positions, introductions, neighbour lists and texts
BUSY: Final = (40, 30, 12, 8, 10)


class MeshTraffic:
    """Random nodes broadcast packets whose content changes, so that there is something to store."""

    def __init__(self, users: Sequence[User], seed: int = 1, weights: Sequence[float] = BUSY) -> None:
        """`weights`: how frequent telemetry, positions, introductions, neighbour lists and texts are."""
        self._users = users
        self._rng = Random(seed)
        makers = self._telemetry, self._position, self._introduction, self._neighbours, self._text
        self._kinds: Mapping[Callable[[User], tuple[int, Any]], float] = dict(zip(makers, weights, strict=True))

    def packet(self) -> mesh_pb2.MeshPacket:
        """Return the next one."""
        rng, user = self._rng, self._rng.choice(self._users)
        content = rng.choices(list(self._kinds), list(self._kinds.values()))[0]
        return self._packet(user, *content(user))

    def round(self) -> Iterator[mesh_pb2.MeshPacket]:
        """Yield one packet of each kind but text from each node."""
        for content in (self._telemetry, self._position, self._introduction, self._neighbours):
            for user in self._users:
                yield self._packet(user, *content(user))

    def _packet(self, user: User, port: int, payload: bytes) -> mesh_pb2.MeshPacket:
        rng = self._rng
        snr = user.snr + rng.gauss(0, 1)
        return data_packet(
            user.num,
            BROADCAST_NUM,
            port,
            payload,
            new_packet_id(rng),
            rx_snr=snr,
            rx_rssi=round(-95 + 2 * snr),
            hop_start=MAX_HOPS,
            hop_limit=MAX_HOPS - user.hops,
            transport_mechanism=LORA,
        )

    def _telemetry(self, user: User) -> tuple[int, bytes]:
        user = replace(user, battery=self._rng.randrange(20, 101))
        message = telemetry_pb2.Telemetry(device_metrics=metrics_message(user))
        return PortNum.TELEMETRY_APP, message.SerializeToString()

    def _position(self, user: User) -> tuple[int, bytes]:
        moved = user.latitude + self._rng.gauss(0, WANDERS)
        return PortNum.POSITION_APP, position_message(replace(user, latitude=moved), 0).SerializeToString()

    def _introduction(self, user: User) -> tuple[int, bytes]:
        if self._rng.random() < RENAMED:
            user = replace(user, long_name=f"{user.long_name} {self._rng.randrange(100)}")
        return PortNum.NODEINFO_APP, user_message(user).SerializeToString()

    def _neighbours(self, user: User) -> tuple[int, bytes]:
        near = self._rng.sample(self._users, min(NEIGHBOURS, len(self._users)))
        message = mesh_pb2.NeighborInfo(
            node_id=user.num,
            last_sent_by_id=user.num,
            neighbors=[mesh_pb2.Neighbor(node_id=each.num, snr=each.snr) for each in near],
        )
        return PortNum.NEIGHBORINFO_APP, message.SerializeToString()

    def _text(self, user: User) -> tuple[int, bytes]:
        return PortNum.TEXT_MESSAGE_APP, f"Bonjour de {user.long_name}, {self._rng.randrange(1000)}".encode()
