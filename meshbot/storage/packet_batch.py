"""What was heard since the last commit, summed up as it is stored; pure, and bounded whatever the mesh sends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOUR: Final = 3600  # seconds
DAY: Final = 86400
UNKNOWN: Final = -1  # a key that the packet does not tell
MAX_PACKETS: Final = 20_000  # about 6 MB, 6 minutes of the busiest mesh; beyond, the oldest are given up
MAX_SUMS: Final = 40_000  # of each kind; beyond, no new ones are begun


class Kind(StrEnum):
    """What traffic is counted by; the key of each."""

    ALL = "all"  # 0
    PORT = "port"  # PortNum, UNKNOWN for what could not be decrypted
    CHANNEL = "channel"  # index, UNKNOWN for what could not be decrypted
    HOPS = "hops"  # 0 is direct
    WAY = "way"  # 0 by radio alone, 1 through MQTT


@dataclass(frozen=True, slots=True)
class PacketRow:
    """One packet; None where it does not say."""

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

    @property
    def is_direct(self) -> bool:
        """Whether our own node heard the sender itself, so that the signal is the sender's."""
        return self.hops == 0 and not self.via_mqtt and self.snr is not None and self.rssi is not None


@dataclass(slots=True)
class Volume:
    """How much."""

    packets: int = 0
    size: int = 0  # bytes of payload

    def add(self, other: Volume) -> None:
        """Take in another sum of the same."""
        self.packets += other.packets
        self.size += other.size


@dataclass(slots=True)
class NodeVolume:
    """How much of one node, and how well it was heard without a relay."""

    packets: int = 0
    size: int = 0
    direct: int = 0  # packets; the rest is over these
    snr_sum: float = 0.0
    snr_least: float | None = None
    snr_most: float | None = None
    rssi_sum: int = 0

    def add(self, other: NodeVolume) -> None:
        """Take in another sum of the same."""
        self.packets += other.packets
        self.size += other.size
        self.direct += other.direct
        self.snr_sum += other.snr_sum
        self.rssi_sum += other.rssi_sum
        self.snr_least = min((each for each in (self.snr_least, other.snr_least) if each is not None), default=None)
        self.snr_most = max((each for each in (self.snr_most, other.snr_most) if each is not None), default=None)


@dataclass(slots=True)
class Air:
    """How busy our own node found the channel, and made it."""

    samples: int = 0
    utilization_sum: float = 0.0  # percent
    utilization_most: float = 0.0
    air_tx_sum: float = 0.0
    air_tx_most: float = 0.0

    def add(self, other: Air) -> None:
        """Take in another sum of the same."""
        self.samples += other.samples
        self.utilization_sum += other.utilization_sum
        self.utilization_most = max(self.utilization_most, other.utilization_most)
        self.air_tx_sum += other.air_tx_sum
        self.air_tx_most = max(self.air_tx_most, other.air_tx_most)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One node hears another without a relay."""

    hearer: int
    heard: int
    snr: float | None  # dB
    heard_at: int
    distance: float | None  # metres between both as known then


class PacketBatch:
    """Packets and their sums, to be committed together."""

    def __init__(self, max_packets: int = MAX_PACKETS, max_sums: int = MAX_SUMS) -> None:
        self._max_sums = max_sums
        self.packets: deque[PacketRow] = deque(maxlen=max_packets)
        self.traffic: dict[tuple[int, Kind, int], Volume] = {}
        self.nodes: dict[tuple[int, int], NodeVolume] = {}
        self.air: dict[int, Air] = {}
        self.links: dict[tuple[int, int], LinkRow] = {}
        self.lost = 0  # packets given up, counted in the sums all the same

    def __bool__(self) -> bool:
        """Return whether there is anything to commit."""
        return bool(self.packets or self.traffic or self.nodes or self.air or self.links)

    def add_packet(self, row: PacketRow) -> None:
        """Take in one packet, and count it."""
        self._keep(row)
        hour, volume = row.rx_time - row.rx_time % HOUR, Volume(1, row.size)
        for kind, key in _keys(row):
            self._add_traffic((hour, kind, key), volume)
        node = NodeVolume(1, row.size)
        if row.is_direct and row.snr is not None and row.rssi is not None:
            node = NodeVolume(1, row.size, 1, row.snr, row.snr, row.snr, row.rssi)
        self._add_node((hour, row.sender), node)

    def add_air(self, at: int, utilization: float, air_tx: float) -> None:
        """Take in one telemetry packet of our own node; percent."""
        sample = Air(1, utilization, utilization, air_tx, air_tx)
        self.air.setdefault(at - at % HOUR, Air()).add(sample)

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

    def _absorb_sums(self, newer: PacketBatch) -> None:
        for traffic_key, volume in newer.traffic.items():
            self._add_traffic(traffic_key, volume)
        for node_key, node in newer.nodes.items():
            self._add_node(node_key, node)
        for hour, air in newer.air.items():
            self.air.setdefault(hour, Air()).add(air)
        for link in newer.links.values():
            self.add_link(link)

    def _keep(self, row: PacketRow) -> None:
        self.lost += len(self.packets) == self.packets.maxlen
        self.packets.append(row)

    def _add_traffic(self, key: tuple[int, Kind, int], volume: Volume) -> None:
        if (known := self.traffic.get(key)) is not None:
            known.add(volume)
        elif len(self.traffic) < self._max_sums:
            self.traffic[key] = Volume(volume.packets, volume.size)

    def _add_node(self, key: tuple[int, int], node: NodeVolume) -> None:
        if (known := self.nodes.get(key)) is not None:
            known.add(node)
        elif len(self.nodes) < self._max_sums:
            fresh = self.nodes[key] = NodeVolume()
            fresh.add(node)


class RecentPackets:
    """Tells a packet heard again from a new one, among the last so many."""

    def __init__(self, limit: int = MAX_PACKETS) -> None:
        self._order: deque[int] = deque()
        self._known: set[int] = set()
        self._limit = limit

    def is_new(self, sender: int, packet_id: int) -> bool:
        """Remember the packet; return whether it was unknown. Without an id each is new."""
        key = sender << 32 | packet_id
        if packet_id and key in self._known:
            return False
        if packet_id:
            if len(self._order) >= self._limit:
                self._known.discard(self._order.popleft())
            self._order.append(key)
            self._known.add(key)
        return True


def _keys(row: PacketRow) -> tuple[tuple[Kind, int], ...]:
    return (
        (Kind.ALL, 0),
        (Kind.PORT, UNKNOWN if row.portnum is None else row.portnum),
        (Kind.CHANNEL, UNKNOWN if row.channel is None else row.channel),
        (Kind.HOPS, UNKNOWN if row.hops is None else row.hops),
        (Kind.WAY, int(row.via_mqtt)),
    )
