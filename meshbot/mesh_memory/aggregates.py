"""What was heard, summed up: until it is committed, and together with what the database holds. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from meshbot.mesh_memory.views import AirHour, SignalHour, Totals, Traffic
from meshbot.storage import (
    DAY,
    HOUR,
    UNKNOWN,
    Air,
    BatchRows,
    By,
    Kind,
    LinkRow,
    NodeVolume,
    PacketRow,
    Span,
    Volume,
)

# About 6 MB, 6 minutes of the busiest mesh; beyond, the oldest are dropped
MAX_PACKETS: Final = 20_000
# PortNum.MAX; what claims a number beyond is counted as this one
MAX_PORT: Final = 511
# Of each kind; beyond, new keys are ignored
MAX_SUMS: Final = 40_000

K = TypeVar("K")
V = TypeVar("V")


# -- what is not committed yet


class PacketBatch:
    """Packets and their sums, to be committed together; bounded whatever the mesh sends."""

    def __init__(self, max_packets: int = MAX_PACKETS, max_sums: int = MAX_SUMS) -> None:
        self._max_sums = max_sums
        self.packets: deque[PacketRow] = deque(maxlen=max_packets)
        self.traffic: dict[tuple[int, Kind, int], Volume] = {}
        self.nodes: dict[tuple[int, int], NodeVolume] = {}
        self.air: dict[int, Air] = {}
        self.links: dict[tuple[int, int], LinkRow] = {}
        # packets dropped, counted in the sums all the same
        self.lost = 0

    def __bool__(self) -> bool:
        """Return whether there is anything to commit."""
        return bool(self.packets or self.traffic or self.nodes or self.air or self.links)

    def add_packet(self, row: PacketRow, *, with_sender: bool = True) -> None:
        """Take in one packet, and count it, unless told otherwise for its sender too."""
        self._keep(row)
        hour, volume = row.rx_time - row.rx_time % HOUR, Volume(1, row.size)
        for kind, key in _keys(row):
            self._add_traffic((hour, kind, key), volume)
        if not with_sender:
            return
        node = NodeVolume(1, row.size)
        if is_direct(row) and row.snr is not None and row.rssi is not None:
            node = NodeVolume(1, row.size, 1, row.snr, row.snr, row.snr, row.rssi)
        self._add_node((hour, row.sender), node)

    def add_air(self, at: int, utilization: float, air_tx: float) -> None:
        """Take in one telemetry packet of our own node; percent."""
        sample = Air(1, utilization, utilization, air_tx, air_tx)
        add_air(self.air.setdefault(at - at % HOUR, Air()), sample)

    def add_link(self, row: LinkRow) -> None:
        """Take in that one node hears another."""
        key = row.hearer, row.heard
        if key in self.links or len(self.links) < self._max_sums:
            self.links[key] = row

    def absorb(self, newer: PacketBatch) -> None:
        """Take in what was heard while this could not be committed."""
        for row in newer.packets:
            self._keep(row)
        self.lost += newer.lost
        self._absorb_sums(newer)

    def sums(self) -> PacketBatch:
        """Return a copy without the packets themselves."""
        copy = PacketBatch()
        copy._absorb_sums(self)
        return copy

    def rows(self) -> BatchRows:
        """Return what is to be inserted."""
        return BatchRows(self.packets, self.traffic, self.nodes, self._days(), self.air, self.links.values())

    def _days(self) -> dict[tuple[int, int], Volume]:
        days: dict[tuple[int, int], Volume] = {}
        for (hour, num), node in self.nodes.items():
            add_volume(days.setdefault((hour - hour % DAY, num), Volume()), Volume(node.packets, node.size))
        return days

    def _absorb_sums(self, newer: PacketBatch) -> None:
        for traffic_key, volume in newer.traffic.items():
            self._add_traffic(traffic_key, volume)
        for node_key, node in newer.nodes.items():
            self._add_node(node_key, node)
        for hour, air in newer.air.items():
            add_air(self.air.setdefault(hour, Air()), air)
        for link in newer.links.values():
            self.add_link(link)

    def _keep(self, row: PacketRow) -> None:
        self.lost += len(self.packets) == self.packets.maxlen
        self.packets.append(row)

    def _add_traffic(self, key: tuple[int, Kind, int], volume: Volume) -> None:
        if (known := self.traffic.get(key)) is not None:
            add_volume(known, volume)
        elif len(self.traffic) < self._max_sums:
            self.traffic[key] = Volume(volume.packets, volume.size)

    def _add_node(self, key: tuple[int, int], node: NodeVolume) -> None:
        if (known := self.nodes.get(key)) is not None:
            add_node(known, node)
        elif len(self.nodes) < self._max_sums:
            add_node(self.nodes.setdefault(key, NodeVolume()), node)


def is_direct(row: PacketRow) -> bool:
    """Return whether our own node heard the sender itself, so that the signal is the sender's."""
    return row.hops == 0 and not row.via_mqtt and row.snr is not None and row.rssi is not None


def _keys(row: PacketRow) -> tuple[tuple[Kind, int], ...]:
    return (
        (Kind.ALL, 0),
        (Kind.PORT, UNKNOWN if row.portnum is None else min(row.portnum, MAX_PORT)),
        (Kind.CHANNEL, UNKNOWN if row.channel is None else row.channel),
        (Kind.HOPS, UNKNOWN if row.hops is None else row.hops),
        (Kind.VIA_MQTT, int(row.via_mqtt)),
    )


# -- adding up


def add_volume(total: Volume, more: Volume) -> None:
    """Add `more` to `total`."""
    total.packets += more.packets
    total.size += more.size


def add_node(total: NodeVolume, more: NodeVolume) -> None:
    """Add `more` to `total`."""
    total.packets += more.packets
    total.size += more.size
    total.direct += more.direct
    total.snr_sum += more.snr_sum
    total.rssi_sum += more.rssi_sum
    total.snr_least = min(_known(total.snr_least, more.snr_least), default=None)
    total.snr_most = max(_known(total.snr_most, more.snr_most), default=None)


def add_air(total: Air, more: Air) -> None:
    """Add `more` to `total`."""
    total.samples += more.samples
    total.utilization_sum += more.utilization_sum
    total.utilization_most = max(total.utilization_most, more.utilization_most)
    total.air_tx_sum += more.air_tx_sum
    total.air_tx_most = max(total.air_tx_most, more.air_tx_most)


def add_sums(stored: dict[K, V], more: Mapping[K, V], add: Callable[[V, V], None]) -> None:
    """Add `more` to what is `stored`, key by key; its sums become part of it."""
    for key, value in more.items():
        if key in stored:
            add(stored[key], value)
        else:
            stored[key] = value


def _known(*values: float | None) -> Iterator[float]:
    return (value for value in values if value is not None)


# -- what a query asks for


def volumes_of(batch: PacketBatch, by: By, span: Span) -> dict[int, Volume]:
    """Return a batch's traffic by key; its sums become part of that."""
    found: dict[int, Volume] = {}
    if by is By.SENDER:
        for (hour, num), node in batch.nodes.items():
            if hour >= span.first_hour:
                add_sums(found, {num: Volume(node.packets, node.size)}, add_volume)
        return found
    wanted = Kind.ALL if by is By.HOUR else Kind(by.value)
    for (hour, kind, key), volume in batch.traffic.items():
        if kind is wanted and hour >= span.first_hour:
            add_sums(found, {hour if by is By.HOUR else key: volume}, add_volume)
    return found


def hours_of(batch: PacketBatch, by: By, span: Span) -> dict[tuple[int, int], Volume]:
    """Return a batch's traffic by hour and key."""
    wanted = Kind(by.value)
    return {
        (hour, key): volume
        for (hour, kind, key), volume in batch.traffic.items()
        if kind is wanted and hour >= span.first_hour
    }


def totals_of(hops: Traffic, ways: Traffic, ports: Traffic, senders: Traffic) -> Totals:
    """Return the same traffic, counted in four ways, in figures."""
    return Totals(
        since=ways.since,
        packets=ways.packets,
        size=sum(share.size for share in ways.shares),
        nodes=len(senders.shares),
        direct=_packets_of(hops, 0),
        relayed=sum(share.packets for share in hops.shares if share.key),
        via_mqtt=_packets_of(ways, 1),
        encrypted=_packets_of(ports, None),
    )


def _packets_of(traffic: Traffic, key: int | None) -> int:
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
