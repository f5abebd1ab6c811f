"""Build and read the few kinds of mesh packets that the node and its users exchange."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import mesh_pb2, portnums_pb2

BROADCAST_NUM: Final = 0xFFFFFFFF
LORA_BYTES, HEADER_BYTES, PKI_BYTES = 255, 16, 12  # of a packet on air: all, its header, what PKI adds
ACK_PRIORITY: Final = mesh_pb2.MeshPacket.Priority.ACK
RELIABLE_PRIORITY: Final = mesh_pb2.MeshPacket.Priority.RELIABLE


def sender_of(packet: mesh_pb2.MeshPacket) -> int:
    """Return the packet's `from`, which is a keyword in Python."""
    number: int = getattr(packet, "from")
    return number


def text_of(packet: mesh_pb2.MeshPacket) -> str:
    """Return the text of a text message, "" for anything else."""
    if packet.decoded.portnum != portnums_pb2.PortNum.TEXT_MESSAGE_APP:
        return ""
    payload: bytes = packet.decoded.payload
    return payload.decode(errors="replace")


def error_in(packet: mesh_pb2.MeshPacket) -> int:
    """Return the Routing.Error in a ROUTING packet, 0 if there is none."""
    try:
        return int(mesh_pb2.Routing.FromString(packet.decoded.payload).error_reason)
    except DecodeError:
        return 0


def port_name(packet: mesh_pb2.MeshPacket) -> str:
    """Return the name of the packet's portnum, or its number if it has none."""
    number: int = packet.decoded.portnum
    known = number in portnums_pb2.PortNum.values()
    return str(portnums_pb2.PortNum.Name(number)) if known else str(number)


def new_packet_id(rng: Random) -> int:
    """Return a packet id that is not 0."""
    return rng.randrange(1, 1 << 32)


def data_packet(source: int, to: int, port: int, payload: bytes, packet_id: int, **fields: Any) -> mesh_pb2.MeshPacket:
    """Return a packet that carries `payload`; `fields` are MeshPacket's, `data` a dict of Data's."""
    data = fields.pop("data", {})
    decoded = mesh_pb2.Data(portnum=port, payload=payload, **data)
    return mesh_pb2.MeshPacket(**{"from": source}, to=to, id=packet_id, decoded=decoded, **fields)


def routing_packet(source: int, to: int, error: int, request_id: int, packet_id: int, **fields: Any) -> Any:
    """Return an ACK (error 0, Routing.Error.NONE) or a NAK of the packet `request_id`."""
    payload = mesh_pb2.Routing(error_reason=error).SerializeToString()
    port = portnums_pb2.PortNum.ROUTING_APP
    data = {"request_id": request_id}
    return data_packet(source, to, port, payload, packet_id, priority=ACK_PRIORITY, data=data, **fields)
