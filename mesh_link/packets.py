"""What the radio says, as frozen dataclasses: nothing beyond this module sees the library's dictionaries.

The dictionaries are `MessageToDict` of a MeshPacket with the library's additions (link_facts §4, §6): defaults are
omitted, bytes are base64 text, a float may be the text "NaN". Every field comes from the air: none is trusted.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BROADCAST_NUM = 0xFFFFFFFF
KEY_BYTES = 32  # an X25519 public key
HEARTBEAT_ANSWERED_SINCE = (2, 7, 6)  # firmware that answers a heartbeat on an idle link (link_facts §7)


class BadPacketError(ValueError):
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


@dataclass(frozen=True, slots=True)
class Reception:
    """How a packet reached our node; None where the packet does not say."""

    snr: float | None = None  # dB
    rssi: int | None = None  # dBm
    hops: int | None = None  # 0 is direct
    rx_time: int = 0  # seconds since 1970 by the node's clock, 0 while the node does not know the time
    via_mqtt: bool = False


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
    reception: Reception = Reception()

    @property
    def is_broadcast(self) -> bool:
        """Whether it went to everybody on its channel."""
        return self.to == BROADCAST_NUM


@dataclass(frozen=True, slots=True)
class NodeInfoHeard:
    """A NODEINFO_APP packet; the record's number is the packet's sender, not the id it claims."""

    record: NodeRecord


@dataclass(frozen=True, slots=True)
class RoutingAnswer:
    """A ROUTING_APP packet that answers one of our packets."""

    request_id: int
    sender: int
    error: str  # Routing.Error name; "NONE" acknowledges


Packet = TextMessage | NodeInfoHeard | RoutingAnswer


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
        case _:
            return None


def record_of(entry: Mapping[str, Any]) -> NodeRecord:
    """Return what an entry of the library's `nodes` says, as the node's own database sent it."""
    user = entry.get("user")
    position = entry.get("position")
    return _record(
        _integer(entry, "num") or 0,
        user if isinstance(user, Mapping) else {},
        position if isinstance(position, Mapping) else {},
        _integer(entry, "lastHeard"),
    )


def answers_heartbeats(firmware_version: str) -> bool:
    """Return whether that firmware answers a heartbeat on an idle link; False for a version it cannot read."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", firmware_version)
    return match is not None and tuple(map(int, match.groups())) >= HEARTBEAT_ANSWERED_SINCE


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
        packet_id=_integer(packet, "id") or 0,
        sender=_sender(packet),
        to=_integer(packet, "to") or 0,
        channel=_integer(packet, "channel") or 0,
        text=text,
        reply_id=_integer(decoded, "replyId") or 0,
        pki_encrypted=packet.get("pkiEncrypted") is True,
        reception=_reception(packet),
    )


def _node_info(packet: Mapping[str, Any], decoded: Mapping[str, Any]) -> NodeInfoHeard:
    user = decoded.get("user")
    if not isinstance(user, Mapping):
        raise BadPacketError("NODEINFO_APP without a user")
    return NodeInfoHeard(_record(_sender(packet), user, {}, _integer(packet, "rxTime")))


def _record(num: int, user: Mapping[str, Any], position: Mapping[str, Any], heard: int | None) -> NodeRecord:
    return NodeRecord(
        num=num,
        long_name=_string(user, "longName"),
        short_name=_string(user, "shortName"),
        hw_model=_string(user, "hwModel"),
        role=_string(user, "role"),
        public_key=public_key_of(user.get("publicKey")),
        latitude=_number(position, "latitude"),
        longitude=_number(position, "longitude"),
        altitude=_integer(position, "altitude"),
        last_heard=heard,
    )


def _routing(packet: Mapping[str, Any], decoded: Mapping[str, Any]) -> RoutingAnswer | None:
    request_id = _integer(decoded, "requestId")
    routing = decoded.get("routing")
    if not request_id or not isinstance(routing, Mapping):
        return None  # a route request or reply, or nothing of ours
    return RoutingAnswer(request_id, _sender(packet), _string(routing, "errorReason") or "NONE")


def _reception(packet: Mapping[str, Any]) -> Reception:
    start, limit = _integer(packet, "hopStart"), _integer(packet, "hopLimit") or 0
    return Reception(
        snr=_number(packet, "rxSnr"),
        rssi=_integer(packet, "rxRssi"),
        hops=start - limit if start and start >= limit else None,
        rx_time=_integer(packet, "rxTime") or 0,
        via_mqtt=packet.get("viaMqtt") is True,
    )


def _sender(packet: Mapping[str, Any]) -> int:
    sender = _integer(packet, "from")
    if not sender or not 0 < sender < BROADCAST_NUM:
        raise BadPacketError(f"impossible sender {packet.get('from')!r}")
    return sender


def _integer(source: Mapping[str, Any], key: str) -> int | None:
    value = source.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(source: Mapping[str, Any], key: str) -> float | None:
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all measure
        return None
    return number if math.isfinite(number) else None


def _string(source: Mapping[str, Any], key: str) -> str:
    value = source.get(key)
    return value if isinstance(value, str) else ""
