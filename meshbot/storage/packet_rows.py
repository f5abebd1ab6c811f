"""Rows of what was heard: packets, sums by hour, links, states of nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

HOUR: Final = 3600  # seconds
DAY: Final = 86400
# The key where the packet does not carry it
UNKNOWN: Final = -1


class Kind(StrEnum):
    """What traffic is counted by; the key of each."""

    ALL = "all"  # 0
    PORT = "port"  # PortNum, UNKNOWN for what could not be decrypted
    CHANNEL = "channel"  # index, UNKNOWN for what could not be decrypted
    HOPS = "hops"  # 0 is direct
    VIA_MQTT = "way"  # 0 by radio alone, 1 through MQTT


@dataclass(frozen=True, slots=True)
class PacketRow:
    """One packet; None: not in the packet."""

    rx_time: int  # seconds since 1970
    sender: int
    recipient: int
    packet_id: int
    channel: int | None
    portnum: int | None
    hops: int | None
    hop_start: int | None
    snr: float | None  # dB
    rssi: int | None  # dBm
    via_mqtt: bool
    size: int  # bytes of payload


@dataclass(slots=True)
class Volume:
    """How much traffic."""

    packets: int = 0
    size: int = 0  # bytes of payload


@dataclass(slots=True)
class NodeVolume:
    """How much traffic of one node, and how well it was heard without a relay."""

    packets: int = 0
    size: int = 0  # bytes of payload
    direct: int = 0  # packets; the rest is over these
    snr_sum: float = 0.0  # dB
    snr_least: float | None = None
    snr_most: float | None = None
    rssi_sum: int = 0  # dBm


@dataclass(slots=True)
class Air:
    """How busy our own node found the channel, and how much it sent; percent."""

    samples: int = 0
    utilization_sum: float = 0.0
    utilization_most: float = 0.0
    air_tx_sum: float = 0.0
    air_tx_most: float = 0.0


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One node hears another without a relay."""

    hearer: int
    heard: int
    snr: float | None  # dB
    heard_at: int  # seconds since 1970
    distance: float | None  # metres between both as known then


@dataclass(frozen=True, slots=True)
class NodeState:
    """What is known of a node beside its name and key; None: not known."""

    num: int
    last_heard: int  # seconds since 1970
    hops: int | None = None  # 0 is direct
    via_mqtt: bool = False
    snr: float | None = None  # dB; this and the next two when it was last heard without a relay
    rssi: int | None = None  # dBm
    direct_at: int | None = None
    battery: int | None = None  # percent; above 100: powered from outside
    voltage: float | None = None
    utilization: float | None = None  # percent of the channel's time, as the node hears it
    air_tx: float | None = None  # percent of the time in which the node sent
    metrics_at: int | None = None
    latitude: float | None = None  # degrees
    longitude: float | None = None
    altitude: int | None = None  # metres above the sea
    position_at: int | None = None
    first_heard: int | None = None  # seconds since 1970; None: heard once

    @property
    def observed_for(self) -> int:
        """Return for how many seconds the node is known: a number that was invented for one packet is not."""
        return self.last_heard - (self.last_heard if self.first_heard is None else self.first_heard)


@dataclass(frozen=True, slots=True)
class BatchRows:
    """What one commit inserts; sums are added to those that are stored under the same key."""

    packets: Collection[PacketRow] = ()
    # by hour, kind and key
    traffic: Mapping[tuple[int, Kind, int], Volume] = field(default_factory=dict)
    # by hour and node
    node_hours: Mapping[tuple[int, int], NodeVolume] = field(default_factory=dict)
    # by day and node
    node_days: Mapping[tuple[int, int], Volume] = field(default_factory=dict)
    # by hour
    air: Mapping[int, Air] = field(default_factory=dict)
    # replace those that are stored
    links: Collection[LinkRow] = ()


@dataclass(frozen=True, slots=True)
class StateChanges:
    """States to write, and nodes to delete."""

    changed: tuple[NodeState, ...] = ()
    forgotten: tuple[int, ...] = ()
