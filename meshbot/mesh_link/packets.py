"""The library's dictionaries, parsed into the dataclasses of `messages`; each packet once.

The dictionaries are `MessageToDict` of a MeshPacket with the library's additions (link_facts §4, §6): defaults are
omitted, bytes are base64 text, a float may be the text "NaN". Every field comes from the air: none is trusted.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message as Protobuf
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot import bounds
from meshbot.mesh_link.fields import integer, mapping, string, within
from meshbot.mesh_link.firmware import XEDDSA_SIGNED, read
from meshbot.mesh_link.messages import (
    BROADCAST_NUM,
    KEY_BYTES,
    NodeInfoPacket,
    NodeRecord,
    PacketRecord,
    RadioMetadata,
    RoutingAnswer,
    TextMessage,
    TracerouteReply,
)
from meshbot.mesh_link.payloads import TEXT_PORTS, metrics_of, payload_of, position_of, text_of, traceroute_reply
from meshbot.runtime import MeshBotError

# How firmware from 2.8 on numbers what it hands over from its database: the kinds are a portnum's number or the tag of
# a field of Telemetry (link_facts §12)
REPLAY_FACTOR = 2654435761
REPLAY_KINDS = {"POSITION_APP": (3,), "NODE_STATUS_APP": (36,), "TELEMETRY_APP": (2, 3)}
NODE_STATUS_PORT = 36
# Transports of packets that our node did not make
RECEIVED_BY = frozenset(
    {"TRANSPORT_LORA", "TRANSPORT_LORA_ALT1", "TRANSPORT_LORA_ALT2", "TRANSPORT_LORA_ALT3", "TRANSPORT_MULTICAST_UDP"}
)

Message = TextMessage | NodeInfoPacket | RoutingAnswer | TracerouteReply


class BadPacketError(MeshBotError):
    """A packet that cannot be what it claims to be; the text is the reason."""


def packet_record(packet: Mapping[str, Any]) -> PacketRecord:
    """Return what any packet, decrypted or not, has in common; BadPacketError if its sender is impossible."""
    is_open = isinstance(packet.get("decoded"), Mapping)
    decoded = mapping(packet, "decoded")
    return PacketRecord(
        packet_id=within(packet, "id", 0, BROADCAST_NUM) or 0,
        sender=_sender(packet),
        to=within(packet, "to", 0, BROADCAST_NUM) or 0,
        channel=(within(packet, "channel", 0, 255) or 0) if is_open else None,
        portnum=_portnum(decoded) if is_open else None,
        size=_size(decoded.get("payload")) if is_open else _size(packet.get("encrypted")),
        hop_start=within(packet, "hopStart", 1, bounds.MAX_HOPS),
        reception=_reception(packet),
        payload=payload_of(decoded) if is_open else None,
        is_replay=_is_replay(packet),
    )


def message_of(packet: Mapping[str, Any], record: PacketRecord, own_num: int = 0) -> Message | None:
    """Return the message in a packet, given its record; None without one, BadPacketError if it is malformed.

    `own_num` is the number of the node that handed it over.
    """
    # encrypted for somebody else: an empty mapping
    decoded = mapping(packet, "decoded")
    match decoded.get("portnum"):
        case str(port) if port in TEXT_PORTS:
            return _text(packet, decoded, record)
        case "NODEINFO_APP":
            return _node_info(packet, decoded, record.sender)
        case "ROUTING_APP":
            return _routing(packet, decoded, record.sender, own_num)
        case "TRACEROUTE_APP":
            return _traceroute(decoded, record)
        case _:
            return None


def node_record(entry: Mapping[str, Any], *, has_signed: bool = False) -> NodeRecord:
    """Return what an entry of the library's `nodes` holds, as the node's own database sent it."""
    record = _node_record(
        integer(entry, "num") or 0,
        mapping(entry, "user"),
        mapping(entry, "position"),
        integer(entry, "lastHeard"),
    )
    return replace(
        record,
        snr=bounds.snr(entry.get("snr")),
        hops=bounds.hops(entry.get("hopsAway")),
        via_mqtt=entry.get("viaMqtt") is True,
        metrics=metrics_of(mapping(entry, "deviceMetrics")),
        has_signed=has_signed,
    )


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


def _text(packet: Mapping[str, Any], decoded: Mapping[str, Any], record: PacketRecord) -> TextMessage:
    return TextMessage(
        packet_id=record.packet_id,
        sender=record.sender,
        to=record.to,
        channel=record.channel or 0,
        text=text_of(decoded),
        reply_id=integer(decoded, "replyId") or 0,
        pki_encrypted=packet.get("pkiEncrypted") is True,
        public_key=public_key_of(packet.get("publicKey")),
        reception=record.reception,
        is_notice=decoded.get("portnum") != "TEXT_MESSAGE_APP" or bool(integer(decoded, "emoji")),
    )


def _node_info(packet: Mapping[str, Any], decoded: Mapping[str, Any], sender: int) -> NodeInfoPacket:
    user = decoded.get("user")
    if not isinstance(user, Mapping):
        raise BadPacketError("NODEINFO_APP without a user")
    record = _node_record(sender, user, {}, integer(packet, "rxTime"))
    return NodeInfoPacket(replace(record, has_signed=_is_signed(packet)))


def _node_record(num: int, user: Mapping[str, Any], position: Mapping[str, Any], last_heard: int | None) -> NodeRecord:
    place = position_of(position)
    return NodeRecord(
        num=num,
        long_name=string(user, "longName"),
        short_name=string(user, "shortName"),
        hw_model=string(user, "hwModel"),
        role=string(user, "role"),
        public_key=public_key_of(user.get("publicKey")),
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        altitude=place.altitude if place else None,
        position_at=bounds.time(integer(position, "time")) if place else None,
        last_heard=bounds.time(last_heard),
        unmessagable=unmessagable if isinstance(unmessagable := user.get("isUnmessagable"), bool) else None,
    )


def _routing(packet: Mapping[str, Any], decoded: Mapping[str, Any], sender: int, own_num: int) -> RoutingAnswer | None:
    request_id = integer(decoded, "requestId")
    # the firmware writes this variant even when it is NONE: without it the packet is a route, or of a later version
    error = mapping(decoded, "routing").get("errorReason")
    # the library writes the names it knows and the numbers it does not
    if isinstance(error, int) and not isinstance(error, bool):
        error = routing_error_name(error)
    if not request_id or not isinstance(error, str) or not error:
        return None
    return RoutingAnswer(request_id, sender, error, is_own=sender == own_num and not was_received(packet))


def was_received(packet: Mapping[str, Any]) -> bool:
    """Return whether our node has the packet from others, by radio or network. What it makes itself has no signal.

    An acknowledgement that it makes because its packet came back from the MQTT broker bears that transport's name.
    """
    if packet.get("transportMechanism") in RECEIVED_BY:
        return True
    return any(packet.get(field) not in {None, 0} for field in ("rxRssi", "rxSnr"))


def _traceroute(decoded: Mapping[str, Any], record: PacketRecord) -> TracerouteReply | None:
    request_id = integer(decoded, "requestId")
    # a request of another node, which our node answers by itself
    if not request_id:
        return None
    return traceroute_reply(mapping(decoded, "traceroute"), request_id, record.sender, record.to)


def _portnum(decoded: Mapping[str, Any]) -> int:
    portnum = decoded.get("portnum")
    # the library writes the names it knows and the numbers it does not
    if isinstance(portnum, str):
        known = portnums_pb2.PortNum.DESCRIPTOR.values_by_name.get(portnum)
        return known.number if known is not None else 0
    return within(decoded, "portnum", 0, 0xFFFF) or 0


def _size(payload: object) -> int:
    """Return the length of a payload given as bytes, or as the base64 text that is left of an encrypted one."""
    if isinstance(payload, str):
        return len(payload.rstrip("=")) * 3 // 4
    return len(payload) if isinstance(payload, bytes) else 0


def _reception(packet: Mapping[str, Any]) -> RadioMetadata:
    snr, rssi = bounds.snr(packet.get("rxSnr")), bounds.rssi(packet.get("rxRssi"))
    # received by radio with exactly 0 dB, which is left out as a default
    if rssi is not None and "rxSnr" not in packet:
        snr = 0.0
    return RadioMetadata(
        snr=snr,
        rssi=rssi,
        hops=_hops(packet, is_measured=snr is not None or rssi is not None),
        rx_time=bounds.time(packet.get("rxTime")) or 0,
        via_mqtt=packet.get("viaMqtt") is True,
        signed=_is_signed(packet),
        relay=within(packet, "relayNode", 1, 255),
    )


def _is_signed(packet: Mapping[str, Any]) -> bool:
    """Return whether our node vouches for the sender's signature; the dictionary need not hold it, the message does."""
    raw = packet.get("raw")
    # a broker can set whatever it likes
    return isinstance(raw, Protobuf) and packet.get("viaMqtt") is not True and bool(read(raw, XEDDSA_SIGNED))


def _hops(packet: Mapping[str, Any], *, is_measured: bool) -> int | None:
    """Return how many nodes relayed it, None where start and rest of its hops, and the signal, do not tell.

    Without a start, old firmware sent it, or it was to go no hop at all: then newer firmware adds a bitfield.
    """
    start, rest = within(packet, "hopStart", 0, bounds.MAX_HOPS), within(packet, "hopLimit", 0, bounds.MAX_HOPS)
    if packet.get("hopLimit") is None:
        rest = 0
    if packet.get("hopStart") is None:
        start = 0
    if start is None or rest is None or rest > start:
        return None
    if start == 0 and "bitfield" not in mapping(packet, "decoded"):
        return None
    return start - rest if start > rest or is_measured else None


def _is_replay(packet: Mapping[str, Any]) -> bool:
    """Return whether our own node handed this over from its database: what it is about was heard some other time."""
    decoded = mapping(packet, "decoded")
    if packet.get("to") != BROADCAST_NUM or integer(packet, "rxRssi") or packet.get("viaMqtt") is True:
        return False
    port = decoded.get("portnum")
    # the library writes the names it knows and the numbers it does not
    kinds = REPLAY_KINDS.get("NODE_STATUS_APP" if port == NODE_STATUS_PORT else str(port), ())
    sender, rx_time = integer(packet, "from") or 0, integer(packet, "rxTime") or 0
    return any(packet.get("id") == replay_id(sender, rx_time, kind) for kind in kinds)


def replay_id(sender: int, rx_time: int, kind: int) -> int:
    """Return the id that firmware gives to what it hands over from its database, once and for all."""
    number = (sender * REPLAY_FACTOR + rx_time) * REPLAY_FACTOR + kind
    return number & BROADCAST_NUM or 1


def _sender(packet: Mapping[str, Any]) -> int:
    sender = integer(packet, "from")
    if not sender or not 0 < sender < BROADCAST_NUM:
        raise BadPacketError(f"impossible sender {packet.get('from')!r}")
    return sender
