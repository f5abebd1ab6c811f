"""What the node does with a packet that it hears on the mesh."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.node_db import FullOfFavouritesError
from meshbot.virtual_node.packets import BROADCAST_NUM, routing_packet, sender_of
from meshbot.virtual_node.state import NodeState

HISTORY: Final = 512  # packets heard lately, to drop the copies that others relay
ASK_AGAIN: Final = 60.0  # seconds between two questions to a node that never said who it is


class Receiver:
    """Learns from packets, and hands those for its client to the phone queue."""

    def __init__(self, state: NodeState, ask_user: Callable[[int, float], None]) -> None:
        """`ask_user(num, now)` is called when a stranger was heard: the node sends it its NODEINFO and asks for its."""
        self._state = state
        self._ask_user = ask_user
        self._asked: dict[int, float] = {}
        self._heard: deque[tuple[int, int]] = deque(maxlen=HISTORY)

    def forget(self) -> None:
        """Lose what a reboot loses."""
        self._asked.clear()
        self._heard.clear()

    def hear(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Take one packet from the air; a repeated one is dropped, one for others is only learnt from."""
        packet = _copy(packet)
        mark = (sender_of(packet), packet.id)
        if packet.id and mark in self._heard:
            return
        self._heard.append(mark)
        packet.rx_time = packet.rx_time or self._state.epoch(now)
        try:
            self._learn(packet, now)
        except FullOfFavouritesError:
            self._state.reboot_due = now
            return
        if packet.to in {self._state.own.num, BROADCAST_NUM}:
            self._deliver(packet)

    def local_routing(self, error: int, request_id: int, now: float, channel: int = 0) -> None:
        """Tell the client an implicit acknowledgement, or a refusal that the node itself decided."""
        own, packet_id = self._state.own.num, self._state.new_id()
        epoch = self._state.epoch(now)
        packet = routing_packet(own, own, error, request_id, packet_id, channel=channel, rx_time=epoch)
        self._state.phone.push(packet)

    def _deliver(self, packet: mesh_pb2.MeshPacket) -> None:
        self._state.phone.push(packet)
        if "echo" in self._state.faults:
            self._state.phone.push(_copy(packet))

    def _learn(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        if not packet.HasField("decoded"):
            return
        sender = sender_of(packet)
        if packet.decoded.portnum == portnums_pb2.PortNum.NODEINFO_APP:
            self._learn_user(packet, now)
        if packet.to in {self._state.own.num, BROADCAST_NUM}:
            self._state.nodes.hear(packet)
            if not self._state.nodes.knows_user(sender) and now - self._asked.get(sender, -ASK_AGAIN) >= ASK_AGAIN:
                self._asked[sender] = now
                self._ask_user(sender, now)

    def _learn_user(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        try:
            user = mesh_pb2.User.FromString(packet.decoded.payload)
        except DecodeError:
            return  # the client gets it as it came
        if user.public_key and user.public_key == self._state.own.public_key:
            return  # somebody claims our key
        self._state.nodes.learn_user(sender_of(packet), user, packet.channel, now)


def _copy(packet: mesh_pb2.MeshPacket) -> mesh_pb2.MeshPacket:
    copy = mesh_pb2.MeshPacket()
    copy.CopyFrom(packet)
    return copy
