"""The packets that we send, as the library's messages; pure."""

from __future__ import annotations

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.mesh_link.messages import TextPacket


def text_packet(packet: TextPacket) -> mesh_pb2.MeshPacket:
    """Return a text, without its destination."""
    message = mesh_pb2.MeshPacket(id=packet.packet_id, channel=packet.channel)
    message.decoded.portnum = portnums_pb2.PortNum.TEXT_MESSAGE_APP
    message.decoded.payload = packet.text.encode()
    message.decoded.reply_id = packet.reply_id
    return message


def route_request(packet_id: int) -> mesh_pb2.MeshPacket:
    """Return a traceroute: relays and the destination add themselves to it."""
    message = mesh_pb2.MeshPacket(id=packet_id)
    message.decoded.portnum = portnums_pb2.PortNum.TRACEROUTE_APP
    message.decoded.payload = mesh_pb2.RouteDiscovery().SerializeToString()
    message.decoded.want_response = True
    return message


def key_question() -> mesh_pb2.MeshPacket:
    """Return what has a node introduce itself: told that we cannot read it, it sends its NodeInfo (link_facts §12)."""
    routing = mesh_pb2.Routing(error_reason=mesh_pb2.Routing.Error.PKI_UNKNOWN_PUBKEY)
    data = mesh_pb2.Data(portnum=portnums_pb2.PortNum.ROUTING_APP, payload=routing.SerializeToString())
    return mesh_pb2.MeshPacket(decoded=data)
