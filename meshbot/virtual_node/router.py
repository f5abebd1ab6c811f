"""What becomes of a packet that the client hands over: refused, handled by the node itself, or sent on air."""

from __future__ import annotations

import logging
from math import inf
from typing import Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.admin import Admin
from meshbot.virtual_node.mesh import Mesh
from meshbot.virtual_node.packets import BROADCAST_NUM, RELIABLE_PRIORITY, data_packet, port_name, text_of
from meshbot.virtual_node.population import MAX_HOPS, user_message
from meshbot.virtual_node.records import Transmission
from meshbot.virtual_node.state import NodeState

LOGGER = logging.getLogger(__name__)
PortNum = portnums_pb2.PortNum
Error = mesh_pb2.Routing.Error
PLAIN_PORTS: Final = frozenset(  # never encrypted for one reader alone
    {PortNum.TRACEROUTE_APP, PortNum.NODEINFO_APP, PortNum.ROUTING_APP, PortNum.POSITION_APP}
)
LORA_BYTES, HEADER_BYTES, PKI_BYTES = 255, 16, 12  # of a packet on air: all, its header, encryption for one reader
TX_QUEUE: Final = 16  # packets
TX_QUEUE_FULL: Final = 32  # a QueueStatus's `res`; no refusal follows
NODEINFO_EVERY: Final = 60.0  # seconds between two broadcasts that heartbeats ask for
GIVES_UP_AFTER: Final = 23.0  # seconds: three transmissions that nobody repeated
REFUSES_LEGACY_DMS: Final = (2, 7, 19)  # since then no key means no direct message


class Router:
    """Decides on, sends, and follows up the client's packets."""

    def __init__(self, state: NodeState, mesh: Mesh) -> None:
        self._state = state
        self._mesh = mesh
        self._admin = Admin(state)
        self._starts: list[float] = []  # when the packets of the TX queue go on air
        self._air_free_at = 0.0
        self._told_full = False
        self._nodeinfo_sent_at = -inf

    def forget(self) -> None:
        """Lose what a reboot loses."""
        self._starts.clear()
        self._air_free_at = 0.0
        self._told_full = False
        self._nodeinfo_sent_at = -inf

    def status(self, now: float, res: int = 0, packet_id: int = 0) -> mesh_pb2.QueueStatus:
        """Return the state of the TX queue."""
        return mesh_pb2.QueueStatus(res=res, free=self._free(now), maxlen=TX_QUEUE, mesh_packet_id=packet_id)

    def tell_status(self, now: float, res: int = 0, packet_id: int = 0) -> None:
        """Queue a status for the client."""
        status = self.status(now, res, packet_id)
        self._told_full = not status.free
        self._state.phone.statuses.append(status)

    def poll(self, now: float) -> None:
        """Tell a client that heard of a full queue when there is room again."""
        if self._told_full and self._free(now):
            self.tell_status(now)

    def send(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Take a packet from the client and tell the outcome."""
        packet.id = packet.id or self._state.new_id()
        if packet.to == self._state.own.num:
            self._handle_here(packet, now)
            res = 0
        else:
            res = self._to_mesh(packet, now)
        self.tell_status(now, res, packet.id)

    def broadcast_own_node(self, now: float) -> None:
        """Send the own NODEINFO to everybody, unless that was done less than NODEINFO_EVERY ago."""
        if now - self._nodeinfo_sent_at < NODEINFO_EVERY or not self._free(now):
            return
        self._nodeinfo_sent_at = now
        payload = user_message(self._state.own).SerializeToString()
        packet = data_packet(0, BROADCAST_NUM, PortNum.NODEINFO_APP, payload, self._state.new_id(), hop_limit=MAX_HOPS)
        self._on_air(packet, now)

    def _to_mesh(self, packet: mesh_pb2.MeshPacket, now: float) -> int:
        """Return the QueueStatus's `res`: 0, an error of routing, or TX_QUEUE_FULL."""
        faults, receiver = self._state.faults, self._mesh.receiver
        packet.decoded.bitfield |= 0  # the firmware always sends this field, so it counts for the size
        refusal = self._refusal(packet)
        remote_refusal = 0
        if not refusal and "nak" in faults:
            refusal, remote_refusal = self._forced_refusal(packet)
            faults.use_up("nak", "packets")
        if refusal:
            receiver.local_routing(refusal, packet.id, now)
            return refusal
        if not self._free(now):
            return TX_QUEUE_FULL
        start = self._on_air(packet, now)
        self._follow_up(packet, start, remote_refusal)
        return 0

    def _forced_refusal(self, packet: mesh_pb2.MeshPacket) -> tuple[int, int]:
        error: int = Error.Value(self._state.faults.text("nak", "reason"))
        remote = self._state.faults.number("nak", "remote") and packet.to != BROADCAST_NUM
        return (0, error) if remote else (error, 0)

    def _refusal(self, packet: mesh_pb2.MeshPacket) -> int:
        """Return why the packet cannot be put on air (Routing.Error), 0 if it can."""
        pki, error = self._encryption(packet)
        if error:
            return error
        if not pki and not self._state.config.channel_exists(packet.channel):
            return int(Error.NO_CHANNEL)
        size = len(packet.decoded.SerializeToString()) + HEADER_BYTES + (PKI_BYTES if pki else 0)
        if size > LORA_BYTES:
            return int(Error.TOO_LARGE)
        packet.pki_encrypted = pki
        return 0

    def _encryption(self, packet: mesh_pb2.MeshPacket) -> tuple[bool, int]:
        """Return whether the packet is encrypted for its reader alone, and the error that forbids sending it."""
        if packet.to == BROADCAST_NUM or packet.decoded.portnum in PLAIN_PORTS:
            return False, int(Error.PKI_FAILED) if packet.pki_encrypted else 0
        key = self._state.nodes.key(packet.to)
        if not key and self._state.version() >= REFUSES_LEGACY_DMS:
            return False, int(Error.PKI_SEND_FAIL_PUBLIC_KEY)
        if packet.pki_encrypted and (not key or (packet.public_key and packet.public_key != key)):
            return False, int(Error.PKI_FAILED)
        return bool(key), 0

    def _free(self, now: float) -> int:
        if "tx_queue_full" in self._state.faults:
            return 0
        self._starts = [start for start in self._starts if start > now]
        return max(0, TX_QUEUE - len(self._starts))

    def _on_air(self, packet: mesh_pb2.MeshPacket, now: float) -> float:
        """Send the packet once those before it are through; return when that is."""
        start = max(now, self._air_free_at)
        self._air_free_at = start + self._state.airtime
        self._starts.append(start)
        setattr(packet, "from", self._state.own.num)
        if packet.want_ack:
            packet.hop_limit = packet.hop_limit or MAX_HOPS
        packet.hop_start = packet.hop_limit
        self._state.transmitted.append(Transmission(packet, start))
        LOGGER.info("📡 Émis vers !%08x: %s", packet.to, text_of(packet) or port_name(packet))
        return start

    def _follow_up(self, packet: mesh_pb2.MeshPacket, start: float, remote_refusal: int) -> None:
        """Plan what the node will hear of its packet: relays, an acknowledgement, an answer."""
        state, agenda = self._state, self._state.agenda
        relayed, arrived = start + 2 * state.airtime, start + 4 * state.airtime
        if "unheard" in state.faults or not state.users:
            if packet.want_ack:
                self._plan_local(Error.MAX_RETRANSMIT, packet, start + GIVES_UP_AFTER)
            return
        if packet.want_ack:
            self._plan_local(Error.NONE, packet, relayed)
        user = state.users.get(packet.to)
        if user is None or user.hops > packet.hop_limit:  # nobody, or too far
            return
        unreadable = packet.pki_encrypted and state.nodes.key(user.num) != user.public_key
        error = remote_refusal or (int(Error.NO_CHANNEL) if unreadable else 0)
        if packet.want_ack or error:
            agenda.at(arrived, lambda now: self._mesh.acknowledge(user, error, packet.id, now))
        if not error:
            agenda.at(arrived + state.airtime, lambda now: self._mesh.answer(packet, user, now))

    def _plan_local(self, error: int, packet: mesh_pb2.MeshPacket, due: float) -> None:
        receiver = self._mesh.receiver
        self._state.agenda.at(due, lambda now: receiver.local_routing(error, packet.id, now, packet.channel))

    def _handle_here(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Handle a packet to the node itself; answer or acknowledge as the firmware does."""
        data, receiver = packet.decoded, self._mesh.receiver
        answer = self._admin.handle(data, now) if data.portnum == PortNum.ADMIN_APP else None
        if answer is not None and data.want_response:
            self._answer_here(packet, *answer, now)
            return
        if packet.want_ack:
            receiver.local_routing(Error.NONE, packet.id, now, packet.channel)
        if data.want_response:
            receiver.local_routing(Error.NO_RESPONSE, packet.id, now, packet.channel)

    def _answer_here(self, request: mesh_pb2.MeshPacket, port: int, payload: bytes, now: float) -> None:
        own = self._state.own.num
        data = {"request_id": request.id}
        fields = {"channel": request.channel, "priority": RELIABLE_PRIORITY, "rx_time": self._state.epoch(now)}
        answer = data_packet(own, own, port, payload, self._state.new_id(), data=data, **fields)
        self._state.phone.push(answer)
        self.tell_status(now, 0, answer.id)
