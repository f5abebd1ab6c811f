"""Payloads out of decoded packets: position, telemetry, NEIGHBORINFO, traceroute. Nothing in them is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meshtastic.protobuf import portnums_pb2

from meshbot import bounds
from meshbot.mesh_link.fields import mapping, number, within
from meshbot.mesh_link.messages import (
    BROADCAST_NUM,
    DeviceMetrics,
    Hop,
    Neighbor,
    NeighborInfo,
    Payload,
    PositionPayload,
    TracerouteReply,
)

# Whose payload is text for people
TEXT_PORTS: Final = frozenset({"TEXT_MESSAGE_APP", "ALERT_APP", "DETECTION_SENSOR_APP"})
TEXT_PORTNUMS: Final = frozenset(map(portnums_pb2.PortNum.Value, TEXT_PORTS))
# A tapback's emoji is in the payload, with 1 here; some clients put its code point here instead
LAST_CODE_POINT: Final = 0x10FFFF
# In one packet (mesh.options)
MAX_NEIGHBORS: Final = 10
# RouteDiscovery holds no more
MAX_RELAYS: Final = 8
# An SNR on the air counts quarters of a decibel
QUARTERS: Final = 4.0
UNKNOWN_SNR: Final = -128


def payload_of(decoded: Mapping[str, Any]) -> Payload | None:
    """Return the payload of a decrypted packet, None if it is of no use here."""
    match decoded.get("portnum"):
        case "POSITION_APP":
            return position_of(mapping(decoded, "position"))
        case "TELEMETRY_APP":
            telemetry = mapping(decoded, "telemetry")
            # a node reports the same values as localStats to its own client
            return metrics_of(mapping(telemetry, "deviceMetrics") or mapping(telemetry, "localStats"))
        case "NEIGHBORINFO_APP":
            return _neighbors(mapping(decoded, "neighborinfo"))
        case _:
            return None


def metrics_of(source: Mapping[str, Any]) -> DeviceMetrics | None:
    """Return the values of a deviceMetrics or localStats dictionary, None if it holds none."""
    metrics = DeviceMetrics(
        battery=bounds.battery(source.get("batteryLevel")),
        voltage=bounds.voltage(source.get("voltage")),
        utilization=bounds.percent(source.get("channelUtilization")),
        air_tx=bounds.percent(source.get("airUtilTx")),
    )
    return metrics if metrics != DeviceMetrics() else None


def traceroute_reply(source: Mapping[str, Any], request_id: int, sender: int, asker: int) -> TracerouteReply:
    """Return the routes of a `traceroute` dictionary of the library."""
    has_way_back = _items(source.get("routeBack")) or _items(source.get("snrBack"))
    return TracerouteReply(
        request_id,
        sender,
        there=_route(source.get("route"), source.get("snrTowards"), sender),
        back=_route(source.get("routeBack"), source.get("snrBack"), asker) if has_way_back else (),
    )


def text_of(decoded: Mapping[str, Any]) -> str:
    """Return the text of a packet of TEXT_PORTS, that of a tapback too."""
    text = decoded.get("text")
    # the library leaves it out for some ports, and when the bytes are not UTF-8
    if not isinstance(text, str):
        payload = decoded.get("payload", b"")
        text = payload.decode(errors="replace") if isinstance(payload, bytes) else ""
    code_point = within(decoded, "emoji", ord(" "), LAST_CODE_POINT)
    if text or code_point is None or not chr(code_point).isprintable():
        return text
    return chr(code_point)


def position_of(source: Mapping[str, Any]) -> PositionPayload | None:
    """Return the place of a position dictionary, None if it holds none that can be."""
    place = bounds.place(_degrees(source, "latitude"), _degrees(source, "longitude"))
    return PositionPayload(*place, bounds.altitude(source.get("altitude"))) if place else None


def _degrees(source: Mapping[str, Any], name: str) -> float | None:
    value = number(source, name)
    if value is None and (whole := within(source, f"{name}I", -BROADCAST_NUM, BROADCAST_NUM)) is not None:
        value = whole / 1e7
    return value


def _neighbors(source: Mapping[str, Any]) -> NeighborInfo | None:
    listed = source.get("neighbors")
    if not isinstance(listed, Sequence):
        return None
    entries = (entry for entry in listed[:MAX_NEIGHBORS] if isinstance(entry, Mapping))
    neighbors = ((within(entry, "nodeId", 1, BROADCAST_NUM - 1), bounds.snr(entry.get("snr"))) for entry in entries)
    return NeighborInfo(tuple(Neighbor(num, snr) for num, snr in neighbors if num is not None))


def _route(relays: object, snrs: object, end: int) -> tuple[Hop, ...]:
    """Return the receptions of one way that ends at a node, from two lists of RouteDiscovery; takes anything."""
    nums = [_relay(each) for each in _items(relays)[:MAX_RELAYS]]
    levels = [_decibels(each) for each in _items(snrs)[: MAX_RELAYS + 1]]
    levels += [None] * (len(nums) + 1 - len(levels))
    return tuple(Hop(num, snr) for num, snr in zip([*nums, end], levels, strict=False))


def _items(value: object) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else []


def _relay(value: object) -> int | None:
    """Return the relay's number; BROADCAST_NUM stands for one with old firmware, or without the channel's key."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < BROADCAST_NUM else None


def _decibels(value: object) -> float | None:
    if not isinstance(value, int) or isinstance(value, bool) or not UNKNOWN_SNR < value < -UNKNOWN_SNR:
        return None
    return value / QUARTERS
