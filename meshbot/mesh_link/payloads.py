"""What a node tells of itself and of its neighbours: position, telemetry, NEIGHBORINFO; nothing of it is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshbot.mesh_link.fields import integer, mapping, number, within

MAX_NUM = 0xFFFFFFFE  # the next one addresses everybody
MAX_NEIGHBORS = 10  # in one packet (mesh.options)


@dataclass(frozen=True, slots=True)
class PositionPayload:
    """Where a node says it is."""

    latitude: float  # degrees
    longitude: float  # degrees
    altitude: int | None = None  # metres above the sea


@dataclass(frozen=True, slots=True)
class DeviceMetrics:
    """A node's telemetry of itself; None where it does not say."""

    battery: int | None = None  # percent; above 100: powered from outside
    voltage: float | None = None
    utilization: float | None = None  # percent of the time in which it heard the channel busy
    air_tx: float | None = None  # percent of the last hour in which it sent


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A node that another one hears without a relay."""

    num: int
    snr: float | None  # dB


@dataclass(frozen=True, slots=True)
class NeighborInfo:
    """Whom a node hears without a relay."""

    neighbors: tuple[Neighbor, ...]


Payload = PositionPayload | DeviceMetrics | NeighborInfo


def payload_of(decoded: Mapping[str, Any]) -> Payload | None:
    """Return what a decrypted packet tells of its sender, None if nothing that is of use here."""
    match decoded.get("portnum"):
        case "POSITION_APP":
            return _position(mapping(decoded, "position"))
        case "TELEMETRY_APP":
            telemetry = mapping(decoded, "telemetry")
            # a node tells its own client the same figures as localStats
            return metrics_of(mapping(telemetry, "deviceMetrics") or mapping(telemetry, "localStats"))
        case "NEIGHBORINFO_APP":
            return _neighbors(mapping(decoded, "neighborinfo"))
        case _:
            return None


def _position(said: Mapping[str, Any]) -> PositionPayload | None:
    latitude, longitude = _degrees(said, "latitude", 90), _degrees(said, "longitude", 180)
    if latitude is None or longitude is None:
        return None
    return PositionPayload(latitude, longitude, within(said, "altitude", -100_000, 100_000))


def _degrees(said: Mapping[str, Any], name: str, most: float) -> float | None:
    value = number(said, name)
    if value is None and (whole := integer(said, f"{name}I")) is not None and abs(whole) <= most * 1e7:
        value = whole / 1e7
    return value if value is not None and abs(value) <= most else None


def metrics_of(said: Mapping[str, Any]) -> DeviceMetrics | None:
    """Return what a deviceMetrics or localStats dictionary says, None if that is nothing."""
    metrics = DeviceMetrics(
        battery=within(said, "batteryLevel", 0, 255),
        voltage=_bounded(said, "voltage", 1000),
        utilization=_bounded(said, "channelUtilization", 100),
        air_tx=_bounded(said, "airUtilTx", 100),
    )
    return metrics if metrics != DeviceMetrics() else None


def _bounded(said: Mapping[str, Any], key: str, most: float) -> float | None:
    value = number(said, key)
    return value if value is not None and 0 <= value <= most else None


def _neighbors(said: Mapping[str, Any]) -> NeighborInfo | None:
    listed = said.get("neighbors")
    if not isinstance(listed, Sequence):
        return None
    found = (entry for entry in listed[:MAX_NEIGHBORS] if isinstance(entry, Mapping))
    neighbors = ((within(entry, "nodeId", 1, MAX_NUM), number(entry, "snr")) for entry in found)
    return NeighborInfo(tuple(Neighbor(num, snr) for num, snr in neighbors if num is not None))
