"""Writes what was heard: one transaction a batch, which also prunes a little."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter
from sys import intern
from typing import Final

from sqlalchemy import Column, Connection, delete, func, insert, or_, select

from meshbot.storage.database import Database
from meshbot.storage.packet_rows import DAY, HOUR, BatchRows, NodeState, StateChanges
from meshbot.storage.schema import AIR_HOURS, LINKS, NODE_DAYS, NODE_HOURS, NODE_STATES, PACKETS, TRAFFIC_HOURS
from meshbot.storage.upsert import add, as_row, greatest, in_chunks, least, upsert

# Packets a commit, beside twice as many as it brings: old ones go faster than new ones come
PRUNE_AT_ONCE: Final = 500

SUMS: Final = {"packets": add, "size": add}
NODE_SUMS: Final = SUMS | {"direct": add, "snr_sum": add, "rssi_sum": add, "snr_least": least, "snr_most": greatest}
AIR_SUMS: Final = {
    "samples": add,
    "utilization_sum": add,
    "utilization_most": greatest,
    "air_tx_sum": add,
    "air_tx_most": greatest,
}


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

    def load_recent_texts(self, among: int, portnums: Collection[int]) -> list[tuple[int, int]]:
        """Read sender and id of those of the last `among` packets that are of these ports, the oldest first."""
        with self._database.reading() as connection:
            recent = select(PACKETS).order_by(PACKETS.c.id.desc()).limit(among).subquery()
            query = select(recent.c.sender, recent.c.packet_id).where(recent.c.portnum.in_(portnums))
            return [(sender, packet_id) for sender, packet_id in connection.execute(query.order_by(recent.c.id))]

    def save(self, rows: BatchRows, states: StateChanges, keep_from: int, max_packets: int) -> None:
        """Write all of it or nothing; delete a part of what is too old.

        That is what is from before `keep_from` (seconds since 1970), and the oldest packets beyond `max_packets`.
        """
        with self._database.transaction() as connection:
            _save_packets(connection, rows)
            _save_sums(connection, rows)
            # in the table's order: each page is touched once
            links = sorted(rows.links, key=attrgetter("hearer", "heard"))
            upsert(connection, LINKS, map(as_row, links))
            upsert(connection, NODE_STATES, map(as_row, states.changed))
            if states.forgotten:
                connection.execute(delete(NODE_STATES).where(NODE_STATES.c.num.in_(states.forgotten)))
            _prune(connection, keep_from, max_packets, PRUNE_AT_ONCE + 2 * len(rows.packets))

    def prune_links(self, keep_from: int) -> None:
        """Forget the links that were not heard since; seconds since 1970."""
        with self._database.transaction() as connection:
            connection.execute(delete(LINKS).where(LINKS.c.heard_at < keep_from))


def _save_packets(connection: Connection, rows: BatchRows) -> None:
    for chunk in in_chunks(map(as_row, rows.packets)):
        connection.execute(insert(PACKETS), chunk)


def _save_sums(connection: Connection, rows: BatchRows) -> None:
    traffic = (
        {"hour": hour, "kind": intern(kind.value), "key": key, **as_row(volume)}
        for (hour, kind, key), volume in rows.traffic.items()
    )
    upsert(connection, TRAFFIC_HOURS, traffic, SUMS)
    node_hours = ({"hour": hour, "num": num, **as_row(node)} for (hour, num), node in rows.node_hours.items())
    upsert(connection, NODE_HOURS, node_hours, NODE_SUMS)
    node_days = ({"day": day, "num": num, **as_row(volume)} for (day, num), volume in rows.node_days.items())
    upsert(connection, NODE_DAYS, node_days, SUMS)
    upsert(connection, AIR_HOURS, ({"hour": hour, **as_row(air)} for hour, air in rows.air.items()), AIR_SUMS)


def _prune(connection: Connection, keep_from: int, max_packets: int, limit: int) -> None:
    """Delete what is too old in small steps: at most `limit` packets, and one hour of each sum."""
    oldest = select(PACKETS.c.id).order_by(PACKETS.c.id).limit(limit)
    newest = select(func.max(PACKETS.c.id)).scalar_subquery()
    too_old = or_(PACKETS.c.rx_time < keep_from, PACKETS.c.id <= newest - max_packets)
    connection.execute(delete(PACKETS).where(PACKETS.c.id.in_(oldest), too_old))
    for column, step in ((TRAFFIC_HOURS.c.hour, HOUR), (NODE_HOURS.c.hour, HOUR), (AIR_HOURS.c.hour, HOUR)):
        _prune_first(connection, column, keep_from - step)
    _prune_first(connection, NODE_DAYS.c.day, keep_from - DAY)


def _prune_first(connection: Connection, column: Column[int], last: int) -> None:
    first = connection.scalar(select(func.min(column)))
    if first is not None and first <= last:
        connection.execute(delete(column.table).where(column == first))
