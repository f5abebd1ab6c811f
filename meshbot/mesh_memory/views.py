"""Results of the memory's queries: no text for people but names, all else is numbers and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from meshbot import bounds
from meshbot.storage import DAY, By, LinkRow, NodeRow, NodeState

# Seconds without a position; firmware 2.8 repeats that of a node that does not move each 11 h
SILENT_FOR: Final = DAY
# To whose owners the firmware gives no way to read messages, unless the node says otherwise
UNMESSAGEABLE_ROLES: Final = frozenset({"ROUTER", "ROUTER_LATE", "REPEATER", "SENSOR", "TRACKER", "TAK_TRACKER"})


@dataclass(frozen=True, slots=True)
class Position:
    """The position that a node sent."""

    latitude: float  # degrees
    longitude: float  # degrees
    altitude: int | None  # metres above the sea
    at: int | None  # seconds since 1970, when it was heard; None: from an older bot's file or the node's database


@dataclass(frozen=True, slots=True)
class NodeView:
    """All that is known of one node; None and empty text: not known."""

    num: int
    long_name: str
    short_name: str
    hw_model: str
    role: str
    has_key: bool  # a trusted public key
    last_heard: int | None  # seconds since 1970
    hops: int | None  # of its last packet that carries them; 0 is direct
    via_mqtt: bool  # its last packet
    snr: float | None  # dB, with the next two: when our own node last heard it without a relay
    rssi: int | None  # dBm
    direct_at: int | None
    battery: int | None  # percent; above 100: powered from outside
    voltage: float | None
    utilization: float | None  # percent of the channel's time, as the node hears it
    air_tx: float | None  # percent of the last hour in which it sent
    metrics_at: int | None
    position: Position | None
    distance: float | None  # metres from our own node
    former_name: str = ""  # if it was renamed within a day
    former_numbers: tuple[int, ...] = ()  # before its firmware gave it the present one
    signs: bool = False  # our own node has verified a signature of it
    is_unmessageable: bool = False  # it takes no messages, by its own word or its role

    @property
    def hides_position(self) -> bool:
        """Whether it was heard long after it last sent its position: it is silent about that, not gone."""
        at = self.position.at if self.position else None
        return at is not None and (self.last_heard or 0) - at >= SILENT_FOR


@dataclass(frozen=True, slots=True)
class DirectNode:
    """One of the nodes near, with no more than a list shows: there may be thousands."""

    num: int
    long_name: str
    short_name: str
    snr: float | None  # dB, when our own node last heard it without a relay
    direct_at: int  # seconds since 1970, then


@dataclass(frozen=True, slots=True)
class SignalHour:
    """How our own node heard another one in one hour; the signal only of packets that came without a relay."""

    hour: int  # its first second
    packets: int
    direct: int  # of these, heard without a relay; the rest is None when 0
    snr: float | None  # dB, mean
    snr_least: float | None
    snr_most: float | None
    rssi: float | None  # dBm, mean


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the traffic."""

    key: int | None  # see By; None: not known
    packets: int
    size: int  # bytes of payload


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic of a period, grouped by something."""

    since: int  # seconds since 1970: a whole hour, or a whole UTC day for By.SENDER beyond a day
    by: By
    shares: tuple[Share, ...]  # the largest first; By.HOUR in order of time

    @property
    def packets(self) -> int:
        """All packets of the period."""
        return sum(share.packets for share in self.shares)


@dataclass(frozen=True, slots=True)
class HourShare:
    """A part of one hour's traffic."""

    hour: int  # its first second
    key: int | None  # see By; None: not known
    packets: int


@dataclass(frozen=True, slots=True)
class Totals:
    """A period's traffic in figures; own packets and repetitions are not in it."""

    since: int  # seconds since 1970, a whole hour
    packets: int
    size: int  # bytes of payload
    nodes: int  # different senders; beyond a day, those since the first day began (UTC)
    direct: int  # packets heard without a relay
    relayed: int  # packets; of some neither is known
    via_mqtt: int  # packets
    encrypted: int  # packets that our node could not decrypt


@dataclass(frozen=True, slots=True)
class AirHour:
    """How busy our own node found the channel in one hour; percent."""

    hour: int  # its first second
    utilization: float  # mean
    utilization_most: float
    air_tx: float  # mean
    air_tx_most: float


Link = LinkRow


def position_of(row: NodeRow, state: NodeState, now: int) -> Position | None:
    """Return where a node is: as it was heard, else as the radio knows it."""
    if state.latitude is not None and state.longitude is not None:
        return Position(state.latitude, state.longitude, state.altitude, bounds.past(state.position_at, now))
    if (place := bounds.place(row.latitude, row.longitude)) is not None:
        return Position(*place, bounds.altitude(row.altitude), None)
    return None


def is_unmessageable(row: NodeRow) -> bool:
    """Return whether a node takes no messages: by its own word, else by its role."""
    return row.role in UNMESSAGEABLE_ROLES if row.unmessagable is None else row.unmessagable
