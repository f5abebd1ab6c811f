"""What the node does with a packet of its client: answer with a NAK, handle it itself, or send it on air."""

from __future__ import annotations

import logging
from collections import deque
from math import ceil
from typing import Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.admin import Admin
from meshbot.virtual_node.air import Air
from meshbot.virtual_node.deliveries import MAX_RETRANSMIT_AFTER, TRANSMISSIONS
from meshbot.virtual_node.hop_scaling import ROUTINE_PORTS
from meshbot.virtual_node.identity import UNSET
from meshbot.virtual_node.mesh import Mesh
from meshbot.virtual_node.packets import (
    BROADCAST_NUM,
    HEADER_BYTES,
    LORA_BYTES,
    PKI_BYTES,
    RELIABLE_PRIORITY,
    data_packet,
    port_name,
    text_of,
)
from meshbot.virtual_node.records import Transmission
from meshbot.virtual_node.regions import DUTY_CYCLES
from meshbot.virtual_node.signatures import fits_signed
from meshbot.virtual_node.state import NodeState
from meshbot.virtual_node.versions import VERSION_2_8

LOGGER = logging.getLogger(__name__)
PortNum = portnums_pb2.PortNum
Error = mesh_pb2.Routing.Error
NON_PKI_PORTS: Final = frozenset(
    {PortNum.TRACEROUTE_APP, PortNum.NODEINFO_APP, PortNum.ROUTING_APP, PortNum.POSITION_APP}
)
TX_QUEUE: Final = 16  # packets
# Of a QueueStatus, its `res`; no NAK follows
TX_QUEUE_FULL: Final = 32
TX_DISABLED: Final = 34
DUTY_CYCLE_EXCEEDED: Final = "Duty cycle limit exceeded. You can send again in {} mins"
# Since then a direct message needs a key
REFUSES_LEGACY_DMS: Final = (2, 7, 19)


class Router:
    """Sends the client's packets and plans the mesh's responses."""

    def __init__(self, state: NodeState, mesh: Mesh, admin: Admin) -> None:
        self._state = state
        self._mesh = mesh
        self._admin = admin
        self._air = Air()
        self._local: deque[mesh_pb2.MeshPacket] = deque()  # to the node itself
        self.reported_full = False  # to the client

    def reset(self) -> None:
        """Drop what a reboot loses."""
        self._air.reset()
        self._local.clear()
        self.reported_full = False

    def status(self, now: float, res: int = 0, packet_id: int = 0) -> mesh_pb2.QueueStatus:
        """Return the state of the TX queue."""
        return mesh_pb2.QueueStatus(res=res, free=self._free(now), maxlen=TX_QUEUE, mesh_packet_id=packet_id)

    def queue_status(self, now: float, res: int = 0, packet_id: int = 0) -> None:
        """Queue a status for the client."""
        status = self.status(now, res, packet_id)
        self.reported_full = not status.free
        self._state.phone.statuses.append(status)

    def settle(self, now: float) -> None:
        """Handle the packets to the node itself that wait."""
        while self._local:
            self._handle_local(self._local.popleft(), now)

    def poll(self, now: float) -> None:
        """Handle what waits; report free slots to a client to which a full queue was reported."""
        self.settle(now)
        if self.reported_full and self._free(now):
            self.queue_status(now)

    def send(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Take a packet from the client and queue its status."""
        packet.id = packet.id or self._state.new_id()
        if packet.to != self._state.own.num:
            self.queue_status(now, self._to_mesh(packet, now), packet.id)
        elif self._state.is_2_8:
            # It is handled at once, so the status of its answer comes first
            self._handle_local(packet, now)
            self.queue_status(now, 0, packet.id)
        else:
            # Its turn comes after what the client has sent along with it
            self.queue_status(now, 0, packet.id)
            self._local.append(packet)

    def broadcast_own_node(self, now: float) -> None:
        """Broadcast the own NODEINFO and ask everybody for theirs, unless the last one was less than a minute ago."""
        if not self._free(now) or not self._mesh.may_introduce(now, is_urgent=True):
            return
        payload = self._mesh.own_nodeinfo()
        fields = {"hop_limit": self._state.config.hop_limit, "data": {"want_response": True}}
        packet = data_packet(0, BROADCAST_NUM, PortNum.NODEINFO_APP, payload, self._state.new_id(), **fields)
        self._on_air(packet, now)
        reached = [user for user in self._state.users.values() if user.hops <= packet.hop_limit]
        self._mesh.introduce(reached, now, asks=True)

    def _to_mesh(self, packet: mesh_pb2.MeshPacket, now: float) -> int:
        """Return the QueueStatus's `res`: 0, a Routing.Error, or TX_QUEUE_FULL."""
        faults, receiver = self._state.faults, self._mesh.receiver
        # The firmware always sends this field, so it counts for the size
        packet.decoded.bitfield |= 0
        error = self._over_duty_cycle(packet, now) or self._error_for(packet)
        remote_error = 0
        if not error and "nak" in faults:
            error, remote_error = self._injected_nak(packet)
            faults.use_up("nak", "packets")
        if error:
            receiver.local_routing(error, packet.id, now)
            return error
        lora = self._state.config.configs["lora"].lora
        if not lora.tx_enabled or lora.region == UNSET:
            return TX_DISABLED
        if not self._free(now):
            return TX_QUEUE_FULL
        start = self._on_air(packet, now)
        if "forged_routing" in faults and text_of(packet):
            self._mesh.attacker.plan_forged_routing(packet, start)
        self._plan_responses(packet, start, remote_error)
        return 0

    def _injected_nak(self, packet: mesh_pb2.MeshPacket) -> tuple[int, int]:
        """Return the fault's error as the node's own and as the destination's; one of them is 0."""
        error: int = Error.Value(self._state.faults.text("nak", "reason"))
        remote = self._state.faults.number("nak", "remote") and packet.to != BROADCAST_NUM
        return (0, error) if remote else (error, 0)

    def _error_for(self, packet: mesh_pb2.MeshPacket) -> int:
        """Return the Routing.Error that keeps the packet off air, 0 for none."""
        pki, error = self._encryption(packet)
        if error:
            return error
        if not pki and not self._state.config.channel_exists(packet.channel):
            return int(Error.NO_CHANNEL)
        packet.pki_encrypted = pki
        return int(Error.TOO_LARGE) if _size(packet) > LORA_BYTES else 0

    def _over_duty_cycle(self, packet: mesh_pb2.MeshPacket, now: float) -> int:
        """Return the Routing.Error of a node that has sent too much in the last hour, 0 if it has not."""
        lora = self._state.config.configs["lora"].lora
        limit = DUTY_CYCLES.get(lora.region, 100.0)
        silence = 0.0 if lora.override_duty_cycle else self._air.silence(now, limit)
        if silence <= 0:
            return 0
        self._state.notify(DUTY_CYCLE_EXCEEDED.format(ceil(silence / 60)), now, packet.id)
        return int(Error.DUTY_CYCLE_LIMIT)

    def _encryption(self, packet: mesh_pb2.MeshPacket) -> tuple[bool, int]:
        """Return whether the packet is PKI-encrypted, and the Routing.Error that forbids sending it."""
        is_licensed = self._state.nodes.is_licensed
        if is_licensed or packet.to == BROADCAST_NUM or packet.decoded.portnum in NON_PKI_PORTS:
            return False, int(Error.PKI_FAILED) if packet.pki_encrypted else 0
        key = self._state.nodes.public_key(packet.to)
        if not key and self._state.version() >= REFUSES_LEGACY_DMS:
            return False, int(Error.PKI_SEND_FAIL_PUBLIC_KEY)
        if packet.pki_encrypted and (not key or (packet.public_key and packet.public_key != key)):
            return False, int(Error.PKI_FAILED)
        return bool(key), 0

    def _free(self, now: float) -> int:
        if "tx_queue_full" in self._state.faults:
            return 0
        return max(0, TX_QUEUE - self._air.queued(now))

    def _on_air(self, packet: mesh_pb2.MeshPacket, now: float) -> float:
        """Send the packet once those before it are through; return the time of that."""
        start = self._air.book(now, self._state.seconds_on_air(_size(packet)))
        setattr(packet, "from", self._state.own.num)
        if packet.want_ack:
            packet.hop_limit = packet.hop_limit or self._state.config.hop_limit
        if packet.to == BROADCAST_NUM and packet.decoded.portnum in ROUTINE_PORTS and self._state.is_2_8:
            packet.hop_limit = min(packet.hop_limit, self._state.hop_limit_for(packet.decoded.portnum, now))
        packet.hop_start = packet.hop_limit
        signed = self._state.is_2_8 and bool(self._state.own.public_key) and fits_signed(packet)
        self._state.transmitted.append(Transmission(packet, start, signed))
        LOGGER.info("📡 Émis vers !%08x: %s", packet.to, text_of(packet) or port_name(packet))
        return start

    def _plan_responses(self, packet: mesh_pb2.MeshPacket, start: float, remote_error: int) -> None:
        """Schedule what the node hears of its packet: a rebroadcast, an ACK or NAK, an answer."""
        state, scheduler = self._state, self._state.scheduler
        relayed, arrived = start + 2 * state.airtime, start + 4 * state.airtime
        if "unheard" in state.faults or not state.users:
            if packet.want_ack:
                self._plan_retransmissions(packet, start)
            return
        if packet.want_ack:
            self._plan_local_routing(Error.NONE, packet, relayed)
        user = state.users.get(packet.to)
        if user is None or user.hops > packet.hop_limit:
            return
        refusal = self._mesh.refuses(user, is_pki=packet.pki_encrypted)
        if refusal and state.peers.get(user.num).firmware >= VERSION_2_8:
            # It drops in silence what it cannot read
            return
        error = remote_error or refusal
        if packet.want_ack or remote_error:
            scheduler.at(arrived, lambda now: self._mesh.acknowledge(user, error, packet.id, now))
        if not error:
            scheduler.at(arrived + state.airtime, lambda now: self._mesh.answer(packet, user, now))

    def _plan_retransmissions(self, packet: mesh_pb2.MeshPacket, start: float) -> None:
        """Send the packet again as often as the firmware does, which takes air, and give up."""
        seconds, pause = self._state.seconds_on_air(_size(packet)), MAX_RETRANSMIT_AFTER / TRANSMISSIONS
        for again in range(1, TRANSMISSIONS):
            self._state.scheduler.at(start + again * pause, lambda now: self._book_again(now, seconds))
        self._plan_local_routing(Error.MAX_RETRANSMIT, packet, start + MAX_RETRANSMIT_AFTER)

    def _book_again(self, now: float, seconds: float) -> None:
        self._air.book(now, seconds)

    def _plan_local_routing(self, error: int, packet: mesh_pb2.MeshPacket, due: float) -> None:
        receiver = self._mesh.receiver
        self._state.scheduler.at(due, lambda now: receiver.local_routing(error, packet.id, now, packet.channel))

    def _handle_local(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Handle a packet to the node itself, with an answer or an ACK as in the firmware."""
        data, receiver = packet.decoded, self._mesh.receiver
        answer = self._admin.handle(data, now) if data.portnum == PortNum.ADMIN_APP else None
        if answer is not None and data.want_response:
            self._reply_local(packet, *answer, now)
            return
        if packet.want_ack:
            receiver.local_routing(Error.NONE, packet.id, now, packet.channel)
        if data.want_response:
            receiver.local_routing(Error.NO_RESPONSE, packet.id, now, packet.channel)

    def _reply_local(self, request: mesh_pb2.MeshPacket, port: int, payload: bytes, now: float) -> None:
        own = self._state.own.num
        data = {"request_id": request.id}
        fields = {"channel": request.channel, "priority": RELIABLE_PRIORITY, "rx_time": self._state.epoch(now)}
        answer = data_packet(own, own, port, payload, self._state.new_id(), data=data, **fields)
        self._state.phone.push(answer)
        self.queue_status(now, 0, answer.id)


def _size(packet: mesh_pb2.MeshPacket) -> int:
    """Return how many bytes go on air."""
    return len(packet.decoded.SerializeToString()) + HEADER_BYTES + (PKI_BYTES if packet.pki_encrypted else 0)
