"""What the radio says, as frozen dataclasses: nothing beyond this module sees the library's dictionaries.

The dictionaries are `MessageToDict` of a MeshPacket with the library's additions (link_facts §4, §6): defaults are
omitted, bytes are base64 text, a float may be the text "NaN". Every field comes from the air: none is trusted.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.mesh_link.fields import integer, mapping, number, string, within
from meshbot.mesh_link.payloads import DeviceMetrics, Payload, metrics_of, payload_of
from meshbot.mesh_link.route_payload import TracerouteReply, traceroute_reply
from meshbot.runtime import MeshBotError

BROADCAST_NUM = 0xFFFFFFFF
KEY_BYTES = 32  # an X25519 public key
MAX_HOPS = 7  # three bits on the air
HEARTBEAT_ANSWERED_SINCE = (2, 7, 6)  # firmware that answers a heartbeat on an idle link (link_facts §7)


class BadPacketError(MeshBotError):
    """A packet that cannot be what it says; the text tells why."""


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What one source says of one node; empty text and empty key mean "not said"."""

    num: int
    long_name: str = ""
    short_name: str = ""
    hw_model: str = ""
    role: str = ""
    public_key: bytes = b""  # KEY_BYTES long, or empty
    latitude: float | None = None  # degrees
    longitude: float | None = None  # degrees
    altitude: int | None = None  # metres above the sea
    last_heard: int | None = None  # seconds since 1970, by the node's clock
    snr: float | None = None  # dB, of the last packet
    hops: int | None = None  # 0 is direct
    via_mqtt: bool = False
    metrics: DeviceMetrics | None = None


@dataclass(frozen=True, slots=True)
class RadioMetadata:
    """How a packet reached our node; None where the packet does not say."""

    snr: float | None = None  # dB
    rssi: int | None = None  # dBm
    hops: int | None = None  # 0 is direct
    rx_time: int = 0  # seconds since 1970 by the node's clock, 0 while the node does not know the time
    via_mqtt: bool = False
    relay: int | None = None  # the last byte of the number of the node that it was heard from


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A TEXT_MESSAGE_APP packet."""

    packet_id: int
    sender: int
    to: int
    channel: int  # index
    text: str
    reply_id: int = 0
    pki_encrypted: bool = False
    public_key: bytes = b""  # the sender's, with which our node decrypted it; KEY_BYTES long, or empty
    reception: RadioMetadata = RadioMetadata()

    @property
    def is_broadcast(self) -> bool:
        """Whether it went to everybody on its channel."""
        return self.to == BROADCAST_NUM


@dataclass(frozen=True, slots=True)
class NodeInfoPacket:
    """A NODEINFO_APP packet; the record's number is the packet's sender, not the id it claims."""

    record: NodeRecord


@dataclass(frozen=True, slots=True)
class PacketRecord:
    """Any packet, whatever it carries and for whomever it is."""

    packet_id: int
    sender: int
    to: int
    channel: int | None  # index; None when the node could not decrypt it
    portnum: int | None  # PortNum; None when the node could not decrypt it
    size: int  # bytes of payload
    hop_start: int | None
    reception: RadioMetadata
    said: Payload | None = None  # what it tells of its sender


@dataclass(frozen=True, slots=True)
class RoutingAnswer:
    """A ROUTING_APP packet that answers one of our packets."""

    request_id: int
    sender: int
    error: str  # Routing.Error name; "NONE" acknowledges


@dataclass(frozen=True, slots=True)
class TextPacket:
    """One packet of text ready for the radio."""

    packet_id: int
    text: str
    to: int
    channel: int
    reply_id: int
    want_ack: bool


Packet = TextMessage | NodeInfoPacket | RoutingAnswer | TracerouteReply


def translate(packet: Mapping[str, Any]) -> Packet | None:
    """Return the packet as a dataclass, None if it is of no interest here; BadPacketError if it is malformed."""
    decoded = packet.get("decoded")
    if not isinstance(decoded, Mapping):
        return None  # encrypted for somebody else
    match decoded.get("portnum"):
        case "TEXT_MESSAGE_APP":
            return _text(packet, decoded)
        case "NODEINFO_APP":
            return _node_info(packet, decoded)
        case "ROUTING_APP":
            return _routing(packet, decoded)
        case "TRACEROUTE_APP":
            return _route(packet, decoded)
        case _:
            return None


def heard(packet: Mapping[str, Any]) -> PacketRecord:
    """Return what any packet, decrypted or not, tells by having been received; BadPacketError if nobody sent it."""
    is_open = isinstance(packet.get("decoded"), Mapping)
    decoded = mapping(packet, "decoded")
    return PacketRecord(
        packet_id=within(packet, "id", 0, BROADCAST_NUM) or 0,
        sender=_sender(packet),
        to=within(packet, "to", 0, BROADCAST_NUM) or 0,
        channel=(within(packet, "channel", 0, 255) or 0) if is_open else None,
        portnum=_portnum(decoded) if is_open else None,
        size=_size(decoded.get("payload")) if is_open else _size(packet.get("encrypted")),
        hop_start=within(packet, "hopStart", 1, MAX_HOPS),
        reception=_reception(packet),
        said=payload_of(decoded) if is_open else None,
    )


def record_of(entry: Mapping[str, Any]) -> NodeRecord:
    """Return what an entry of the library's `nodes` says, as the node's own database sent it."""
    record = _record(
        integer(entry, "num") or 0,
        mapping(entry, "user"),
        mapping(entry, "position"),
        integer(entry, "lastHeard"),
    )
    return replace(
        record,
        snr=number(entry, "snr"),
        hops=within(entry, "hopsAway", 0, MAX_HOPS),
        via_mqtt=entry.get("viaMqtt") is True,
        metrics=metrics_of(mapping(entry, "deviceMetrics")),
    )


def answers_heartbeats(firmware_version: str) -> bool:
    """Return whether that firmware answers a heartbeat on an idle link; False for a version it cannot read."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", firmware_version)
    return match is not None and tuple(map(int, match.groups())) >= HEARTBEAT_ANSWERED_SINCE


def routing_error_name(number: int) -> str:
    """Return a Routing.Error's name, or its number as text where the library knows no name."""
    known = mesh_pb2.Routing.Error
    return str(known.Name(number)) if number in known.values() else str(number)


def public_key_of(text: object) -> bytes:
    """Return the key that a user dictionary carries in base64, or b"" if it carries none of the right length."""
    if not isinstance(text, str):
        return b""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return key if len(key) == KEY_BYTES else b""


def _text(packet: Mapping[str, Any], decoded: Mapping[str, Any]) -> TextMessage:
    text = decoded.get("text")
    if not isinstance(text, str):  # the library leaves it out when the bytes are not UTF-8
        payload = decoded.get("payload", b"")
        text = payload.decode(errors="replace") if isinstance(payload, bytes) else ""
    return TextMessage(
        packet_id=integer(packet, "id") or 0,
        sender=_sender(packet),
        to=integer(packet, "to") or 0,
        channel=integer(packet, "channel") or 0,
        text=text,
        reply_id=integer(decoded, "replyId") or 0,
        pki_encrypted=packet.get("pkiEncrypted") is True,
        public_key=public_key_of(packet.get("publicKey")),
        reception=_reception(packet),
    )


def _node_info(packet: Mapping[str, Any], decoded: Mapping[str, Any]) -> NodeInfoPacket:
    user = decoded.get("user")
    if not isinstance(user, Mapping):
        raise BadPacketError("NODEINFO_APP without a user")
    return NodeInfoPacket(_record(_sender(packet), user, {}, integer(packet, "rxTime")))


def _record(num: int, user: Mapping[str, Any], position: Mapping[str, Any], heard: int | None) -> NodeRecord:
    return NodeRecord(
        num=num,
        long_name=string(user, "longName"),
        short_name=string(user, "shortName"),
        hw_model=string(user, "hwModel"),
        role=string(user, "role"),
        public_key=public_key_of(user.get("publicKey")),
        latitude=number(position, "latitude"),
        longitude=number(position, "longitude"),
        altitude=integer(position, "altitude"),
        last_heard=heard,
    )


def _routing(packet: Mapping[str, Any], decoded: Mapping[str, Any]) -> RoutingAnswer | None:
    request_id = integer(decoded, "requestId")
    routing = decoded.get("routing")
    if not request_id or not isinstance(routing, Mapping):
        return None  # a route request or reply, or nothing of ours
    return RoutingAnswer(request_id, _sender(packet), string(routing, "errorReason") or "NONE")


def _route(packet: Mapping[str, Any], decoded: Mapping[str, Any]) -> TracerouteReply | None:
    request_id = integer(decoded, "requestId")
    if not request_id:
        return None  # somebody's question, which our node answers by itself
    return traceroute_reply(mapping(decoded, "traceroute"), request_id, _sender(packet), integer(packet, "to") or 0)


def _portnum(decoded: Mapping[str, Any]) -> int:
    said = decoded.get("portnum")
    if isinstance(said, str):  # the library writes the names it knows and the numbers it does not
        known = portnums_pb2.PortNum.DESCRIPTOR.values_by_name.get(said)
        return known.number if known is not None else 0
    return within(decoded, "portnum", 0, 0xFFFF) or 0


def _size(payload: object) -> int:
    """Return the length of a payload given as bytes, or as the base64 text that is left of an encrypted one."""
    if isinstance(payload, str):
        return len(payload.rstrip("=")) * 3 // 4
    return len(payload) if isinstance(payload, bytes) else 0


def _reception(packet: Mapping[str, Any]) -> RadioMetadata:
    start, limit = integer(packet, "hopStart"), integer(packet, "hopLimit") or 0
    snr, rssi = number(packet, "rxSnr"), integer(packet, "rxRssi")
    if rssi and "rxSnr" not in packet:  # heard by radio with exactly 0 dB, which is left out as a default
        snr = 0.0
    return RadioMetadata(
        snr=snr,
        rssi=rssi,
        hops=start - limit if start and start >= limit else None,
        rx_time=integer(packet, "rxTime") or 0,
        via_mqtt=packet.get("viaMqtt") is True,
        relay=within(packet, "relayNode", 1, 255),
    )


def _sender(packet: Mapping[str, Any]) -> int:
    sender = integer(packet, "from")
    if not sender or not 0 < sender < BROADCAST_NUM:
        raise BadPacketError(f"impossible sender {packet.get('from')!r}")
    return sender
