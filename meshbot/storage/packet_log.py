"""Packets and their sums into the database: one transaction a batch, which also prunes a little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

from sqlalchemy import Column, Connection, delete, func, insert, or_, select

from meshbot.storage.database import Database
from meshbot.storage.packet_batch import DAY, HOUR, PacketBatch, Volume
from meshbot.storage.schema import AIR_HOURS, LINKS, NODE_DAYS, NODE_HOURS, NODE_STATES, PACKETS, TRAFFIC_HOURS
from meshbot.storage.upsert import add, as_row, greatest, in_chunks, least, upsert

MAX_STORED: Final = 2_000_000  # packets, about 130 MB: a flood must not fill the card
PRUNE_AT_ONCE: Final = 500  # packets a commit, beside as many as it brings: old ones go faster than new ones come

SUMS: Final = {"packets": add, "size": add}
NODE_SUMS: Final = SUMS | {"direct": add, "snr_sum": add, "rssi_sum": add, "snr_least": least, "snr_most": greatest}
AIR_SUMS: Final = {
    "samples": add,
    "utilization_sum": add,
    "utilization_most": greatest,
    "air_tx_sum": add,
    "air_tx_most": greatest,
}


@dataclass(frozen=True, slots=True)
class NodeState:
    """What is known of a node beside its name and key; None where it has not said or was not heard."""

    num: int
    last_heard: int  # seconds since 1970
    hops: int | None = None  # 0 is direct
    via_mqtt: bool = False
    snr: float | None = None  # dB, with the next two: when last heard without a relay
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


@dataclass(frozen=True, slots=True)
class StateChanges:
    """States to write, and nodes to forget."""

    changed: tuple[NodeState, ...] = ()
    forgotten: tuple[int, ...] = ()


class PacketLog:
    """Every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load_states(self) -> dict[int, NodeState]:
        """Read every node's state."""
        with self._database.reading() as connection:
            return {num: NodeState(num, *rest) for num, *rest in connection.execute(select(NODE_STATES))}

    def load_recent(self, limit: int) -> list[tuple[int, int]]:
        """Read sender and id of the last packets, the oldest first."""
        with self._database.reading() as connection:
            query = select(PACKETS.c.sender, PACKETS.c.packet_id).order_by(PACKETS.c.id.desc()).limit(limit)
            return [(sender, packet_id) for sender, packet_id in connection.execute(query)][::-1]

    def save(self, batch: PacketBatch, states: StateChanges, keep_from: int) -> None:
        """Write all of it or nothing; a part of what is older than `keep_from` (seconds since 1970) goes."""
        with self._database.transaction() as connection:
            _save_packets(connection, batch)
            _save_sums(connection, batch)
            upsert(connection, LINKS, map(as_row, batch.links.values()))
            upsert(connection, NODE_STATES, map(as_row, states.changed))
            if states.forgotten:
                connection.execute(delete(NODE_STATES).where(NODE_STATES.c.num.in_(states.forgotten)))
            _prune(connection, keep_from, PRUNE_AT_ONCE + 2 * len(batch.packets))

    def prune_links(self, keep_from: int) -> None:
        """Forget the links that were not heard since; seconds since 1970."""
        with self._database.transaction() as connection:
            connection.execute(delete(LINKS).where(LINKS.c.heard_at < keep_from))


def _save_packets(connection: Connection, batch: PacketBatch) -> None:
    for chunk in in_chunks(map(as_row, batch.packets)):
        connection.execute(insert(PACKETS), chunk)


def _save_sums(connection: Connection, batch: PacketBatch) -> None:
    traffic = (
        {"hour": hour, "kind": intern(kind.value), "key": key, **as_row(volume)}
        for (hour, kind, key), volume in batch.traffic.items()
    )
    upsert(connection, TRAFFIC_HOURS, traffic, SUMS)
    nodes = ({"hour": hour, "num": num, **as_row(node)} for (hour, num), node in batch.nodes.items())
    upsert(connection, NODE_HOURS, nodes, NODE_SUMS)
    upsert(connection, NODE_DAYS, _days(batch), SUMS)
    upsert(connection, AIR_HOURS, ({"hour": hour, **as_row(air)} for hour, air in batch.air.items()), AIR_SUMS)


def _days(batch: PacketBatch) -> Iterator[dict[str, Any]]:
    days: dict[tuple[int, int], Volume] = {}
    for (hour, num), node in batch.nodes.items():
        days.setdefault((hour - hour % DAY, num), Volume()).add(Volume(node.packets, node.size))
    return ({"day": day, "num": num, **as_row(volume)} for (day, num), volume in days.items())


def _prune(connection: Connection, keep_from: int, limit: int) -> None:
    """Delete what is too old in small steps: at most `limit` packets, and one hour of each sum."""
    oldest = select(PACKETS.c.id).order_by(PACKETS.c.id).limit(limit)
    newest = select(func.max(PACKETS.c.id)).scalar_subquery()
    too_old = or_(PACKETS.c.rx_time < keep_from, PACKETS.c.id <= newest - MAX_STORED)
    connection.execute(delete(PACKETS).where(PACKETS.c.id.in_(oldest), too_old))
    for column, step in ((TRAFFIC_HOURS.c.hour, HOUR), (NODE_HOURS.c.hour, HOUR), (AIR_HOURS.c.hour, HOUR)):
        _prune_first(connection, column, keep_from - step)
    _prune_first(connection, NODE_DAYS.c.day, keep_from - DAY)


def _prune_first(connection: Connection, column: Column[int], last: int) -> None:
    first = connection.scalar(select(func.min(column)))
    if first is not None and first <= last:
        connection.execute(delete(column.table).where(column == first))
