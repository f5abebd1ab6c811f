"""Somebody on the mesh with the channel's key, who sends what firmware would not: forged answers, floods."""

from __future__ import annotations

from typing import Any, Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.packets import ACK_PRIORITY, BROADCAST_NUM, data_packet
from meshbot.virtual_node.population import MAX_HOPS
from meshbot.virtual_node.receiver import Receiver
from meshbot.virtual_node.state import NodeState

PortNum = portnums_pb2.PortNum
STRANGER: Final = 0x0BAD0BAD  # a node that no other one is
FIRST_NUMBER: Final = 0x60000000  # of a flood
MOST_AT_ONCE: Final = 500  # packets after a long leap of the clock
RECEPTION: Final[dict[str, Any]] = {
    "rx_snr": 6.0,
    "rx_rssi": -70,
    "hop_start": MAX_HOPS,
    "hop_limit": MAX_HOPS,
    "transport_mechanism": mesh_pb2.MeshPacket.TransportMechanism.TRANSPORT_LORA,
}


class Attacker:
    """Does what the faults say, as heard by the node's receiver."""

    def __init__(self, state: NodeState, receiver: Receiver) -> None:
        self._state = state
        self._receiver = receiver
        self._sent = 0  # texts of floods
        self._next_text: float | None = None  # while a flood is on

    def forge_routing(self, request_id: int, reason: str, sender: int, now: float) -> None:
        """Answer a packet under any node's number; the reason is a Routing.Error, its number, or ROUTE_REPLY."""
        routing = mesh_pb2.Routing()
        if reason == "ROUTE_REPLY":
            routing.route_reply.SetInParent()
        else:
            routing.error_reason = _error_number(reason)
        data, payload = {"request_id": request_id}, routing.SerializeToString()
        packet = data_packet(
            sender,
            self._state.own.num,
            PortNum.ROUTING_APP,
            payload,
            self._state.new_id(),
            data=data,
            priority=ACK_PRIORITY,
            **RECEPTION,
        )
        self._receiver.hear(packet, now)

    def plan_forged_routing(self, packet: mesh_pb2.MeshPacket, start: float) -> None:
        """Answer a text that has just gone on air, as the fault forged_routing says."""
        faults, request_id = self._state.faults, packet.id
        reason, name = faults.text("forged_routing", "reason"), faults.text("forged_routing", "sender")
        sender = {"own": self._state.own.num, "recipient": packet.to}.get(name, STRANGER)
        sender = STRANGER if sender == BROADCAST_NUM else sender
        faults.use_up("forged_routing", "packets")
        due = start + self._state.airtime
        self._state.scheduler.at(due, lambda now: self.forge_routing(request_id, reason, sender, now))

    def poll(self, now: float) -> None:
        """Send the flood's texts that are due."""
        faults = self._state.faults
        if "flood" not in faults:
            self._next_text = None
            return
        due = now if self._next_text is None else self._next_text
        for _ in range(MOST_AT_ONCE):
            if now < due:
                break
            self._send_text(faults.text("flood", "text"), faults.text("flood", "channel"), due)
            due += 1 / max(faults.number("flood", "rate"), 1e-3)
        self._next_text = due

    def _send_text(self, text: str, channel: str, now: float) -> None:
        self._sent += 1
        is_direct = not channel.isdecimal()
        packet = data_packet(
            FIRST_NUMBER + self._sent,
            self._state.own.num if is_direct else BROADCAST_NUM,
            PortNum.TEXT_MESSAGE_APP,
            text.encode(),
            self._state.new_id(),
            channel=0 if is_direct else int(channel),
            want_ack=is_direct,
            **RECEPTION,
        )
        self._receiver.hear(packet, now)


def _error_number(reason: str) -> int:
    if reason.lstrip("-").isdecimal():
        return int(reason)
    number: int = mesh_pb2.Routing.Error.Value(reason)
    return number
