"""What the node does with a packet that it hears on the mesh: update its database, deliver it to its client."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.configuration import CHANNELS
from meshbot.virtual_node.node_db import FullOfFavouritesError
from meshbot.virtual_node.packets import BROADCAST_NUM, routing_packet, sender_of
from meshbot.virtual_node.position_dedup import PositionDedup, interval_for, is_well_known
from meshbot.virtual_node.signatures import accepts, is_signed
from meshbot.virtual_node.state import NodeState

HISTORY: Final = 512  # packets heard lately, to drop rebroadcast duplicates
MESH_BEACON_APP: Final = 37
OWN_KEY_ADVERTISED: Final = "Remote device {} has advertised your public key"
Error = mesh_pb2.Routing.Error
LORA: Final = mesh_pb2.MeshPacket.TransportMechanism.TRANSPORT_LORA


class Receiver:
    """Updates the node database from packets, and puts those for the client into the phone queue."""

    def __init__(
        self,
        state: NodeState,
        request_user: Callable[[int, float], None],
        answer: Callable[[mesh_pb2.MeshPacket, int, float], None],
    ) -> None:
        """`request_user(num, now)`: the node asks a sender for its NODEINFO.

        `answer(packet, error, now)`: it acknowledges a packet (error 0), or refuses it.
        """
        self._state = state
        self._request_user = request_user
        self._answer = answer
        self._dedup = PositionDedup()
        self._is_duplicate_told = False
        self._heard: deque[tuple[int, int]] = deque(maxlen=HISTORY)

    def reset(self) -> None:
        """Drop what a reboot loses."""
        self._is_duplicate_told = False
        self._heard.clear()
        self._dedup.reset()

    def hear(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Take one packet from the air; a duplicate is dropped, one for another node is not delivered."""
        packet = _copy(packet)
        known = self._state.nodes.get(sender_of(packet))
        if (known is not None and known.is_ignored) or not self._accepts(packet):
            return
        key = (sender_of(packet), packet.id)
        wants_ack = packet.want_ack and packet.to == self._state.own.num and packet.HasField("decoded")
        if packet.id and key in self._heard:
            # Its sender has missed our acknowledgement
            if wants_ack:
                self._answer(packet, Error.NONE, now)
            return
        self._heard.append(key)
        if self._repeats_position(packet, now):
            return
        packet.rx_time = packet.rx_time or self._state.epoch(now)
        if packet.HasField("encrypted"):
            self._refuse_undecrypted(packet, now)
        try:
            self._update_nodes(packet, now)
        except FullOfFavouritesError:
            # From 2.8 on the sender just gets no entry
            if not self._state.is_2_8:
                self._state.reboot_due = now
                return
        if packet.to in {self._state.own.num, BROADCAST_NUM} and not self._is_unlicensed(sender_of(packet)):
            self._deliver(packet)
        if wants_ack:
            self._answer(packet, Error.NONE, now)

    def _repeats_position(self, packet: mesh_pb2.MeshPacket, now: float) -> bool:
        """Whether firmware 2.8 drops the packet because its sender has told that position on a well-known channel."""
        state, port = self._state, packet.decoded.portnum
        is_other = packet.to != state.own.num and packet.channel < CHANNELS
        if not state.is_2_8 or port != portnums_pb2.PortNum.POSITION_APP or not is_other:
            return False
        channel = state.config.channels[packet.channel]
        if not is_well_known(channel):
            return False
        try:
            position = mesh_pb2.Position.FromString(packet.decoded.payload)
        except DecodeError:
            return False
        sender, settings = sender_of(packet), state.config.modules["traffic_management"].traffic_management
        interval = interval_for(state.nodes.role(sender), settings.position_min_interval_secs)
        precision = channel.settings.module_settings.position_precision
        return self._dedup.drops(sender, position, precision, interval, now)

    def _accepts(self, packet: mesh_pb2.MeshPacket) -> bool:
        """Whether encryption, signature, port and settings let the packet in; 2.7 looks at the last two alone."""
        state, port = self._state, packet.decoded.portnum
        if not packet.HasField("decoded"):
            # Since 2.8 what cannot be read is dropped in silence, and so is not in the history either
            return not state.is_2_8
        if not state.is_2_8:
            packet.DiscardUnknownFields()
        elif not accepts(packet, state) or port == MESH_BEACON_APP:
            # Nobody has asked for beacons
            return False
        if port == portnums_pb2.PortNum.NODEINFO_APP and self._differs_in_licence(packet):
            return False
        wants_neighbours = state.config.modules["neighbor_info"].neighbor_info.enabled
        return bool(port != portnums_pb2.PortNum.NEIGHBORINFO_APP or wants_neighbours)

    def _differs_in_licence(self, packet: mesh_pb2.MeshPacket) -> bool:
        """Whether a NODEINFO is of a licensed owner and ours is not, or the other way round: then nobody sees it."""
        try:
            user = mesh_pb2.User.FromString(packet.decoded.payload)
        except DecodeError:
            return False
        return bool(user.is_licensed != self._state.nodes.is_licensed)

    def _is_unlicensed(self, num: int) -> bool:
        """Whether our owner is licensed and the node's is known not to be: then its packets stay on the mesh."""
        if not self._state.nodes.is_licensed:
            return False
        known = self._state.nodes.get(num)
        return known is not None and known.HasField("user") and not known.user.is_licensed

    def _refuse_undecrypted(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Refuse what its sender wants acknowledged; the client gets it all the same."""
        if packet.want_ack and packet.to == self._state.own.num:
            sender = sender_of(packet)
            unknown = not packet.channel and not self._state.nodes.public_key(sender)
            self._answer(packet, Error.PKI_UNKNOWN_PUBKEY if unknown else Error.NO_CHANNEL, now)

    def local_routing(self, error: int, request_id: int, now: float, channel: int = 0) -> None:
        """Queue an implicit ACK, or a NAK of the node itself, for the client."""
        own, packet_id = self._state.own.num, self._state.new_id()
        epoch = self._state.epoch(now)
        packet = routing_packet(own, own, error, request_id, packet_id, channel=channel, rx_time=epoch)
        self._state.phone.push(packet)

    def _deliver(self, packet: mesh_pb2.MeshPacket) -> None:
        self._state.phone.push(packet)
        if "echo" in self._state.faults:
            self._state.phone.push(_copy(packet))

    def _update_nodes(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        if not packet.HasField("decoded"):
            return
        sender = sender_of(packet)
        if packet.decoded.portnum == portnums_pb2.PortNum.NODEINFO_APP:
            self._update_user(packet, now)
        if packet.to in {self._state.own.num, BROADCAST_NUM}:
            self._state.nodes.update_from(packet, now)
            self._sample(packet, now)
            if not self._state.nodes.has_user(sender) and not self._state.nodes.is_full:
                self._request_user(sender, now)

    def _sample(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        sender = sender_of(packet)
        if packet.transport_mechanism == LORA and not packet.via_mqtt and self._state.nodes.get(sender) is not None:
            hops = packet.hop_start - packet.hop_limit if packet.hop_start else 0
            self._state.hop_scaling.sample(sender, max(0, hops), now)

    def _update_user(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        try:
            user = mesh_pb2.User.FromString(packet.decoded.payload)
        except DecodeError:
            # The client gets the packet all the same
            return
        if not user.public_key or user.public_key != self._state.own.public_key:
            signed = is_signed(packet)
            self._state.nodes.observe(sender_of(packet), user, is_signed=signed)
            self._state.nodes.update_user(sender_of(packet), user, packet.channel, now, is_signed=signed)
        elif not self._is_duplicate_told:
            self._is_duplicate_told = True
            self._state.notify(OWN_KEY_ADVERTISED.format(user.long_name), now)


def _copy(packet: mesh_pb2.MeshPacket) -> mesh_pb2.MeshPacket:
    copy = mesh_pb2.MeshPacket()
    copy.CopyFrom(packet)
    return copy
