"""Sums out of the database and sums yet to be written, put together; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from meshbot.mesh_memory.views import AirHour, SignalHour, Traffic
from meshbot.storage import Air, By, Kind, NodeVolume, PacketBatch, Span, Volume

K = TypeVar("K", int, tuple[int, int])
V = TypeVar("V", Volume, NodeVolume, Air)


def add_sums(stored: dict[K, V], more: Mapping[K, V]) -> None:
    """Add `more` to what is `stored`, key by key; its sums become part of it."""
    for key, value in more.items():
        if key in stored:
            stored[key].add(value)
        else:
            stored[key] = value


def volumes_of(batch: PacketBatch, by: By, span: Span) -> dict[int, Volume]:
    """Return a batch's traffic by key; its sums become part of that."""
    found: dict[int, Volume] = {}
    if by is By.SENDER:
        for (hour, num), node in batch.nodes.items():
            if hour >= span.first_hour:
                add_sums(found, {num: Volume(node.packets, node.size)})
        return found
    wanted = Kind.ALL if by is By.HOUR else Kind(by.value)
    for (hour, kind, key), volume in batch.traffic.items():
        if kind is wanted and hour >= span.first_hour:
            add_sums(found, {hour if by is By.HOUR else key: volume})
    return found


def hours_of(batch: PacketBatch, by: By, span: Span) -> dict[tuple[int, int], Volume]:
    """Return a batch's traffic by hour and key."""
    wanted = Kind(by.value)
    return {
        (hour, key): volume
        for (hour, kind, key), volume in batch.traffic.items()
        if kind is wanted and hour >= span.first_hour
    }


def packets_of(traffic: Traffic, key: int | None) -> int:
    """Return the packets of one share."""
    return sum(share.packets for share in traffic.shares if share.key == key)


def signal_hour(hour: int, node: NodeVolume) -> SignalHour:
    """Return the means of one node's hour."""
    direct = node.direct
    return SignalHour(
        hour=hour,
        packets=node.packets,
        direct=direct,
        snr=node.snr_sum / direct if direct else None,
        snr_least=node.snr_least,
        snr_most=node.snr_most,
        rssi=node.rssi_sum / direct if direct else None,
    )


def air_hour(hour: int, air: Air) -> AirHour:
    """Return the means of one hour."""
    mean = air.utilization_sum / air.samples, air.air_tx_sum / air.samples
    return AirHour(hour, mean[0], air.utilization_most, mean[1], air.air_tx_most)
