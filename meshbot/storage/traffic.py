"""Queries about what was heard, of the sums by hour and day; none reads the packets themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from meshbot import bounds
from meshbot.storage.database import Database
from meshbot.storage.packet_rows import DAY, HOUR, Air, Kind, LinkRow, NodeVolume, Volume
from meshbot.storage.schema import AIR_HOURS, LINKS, NODE_DAYS, NODE_HOURS, TRAFFIC_HOURS


class By(StrEnum):
    """What traffic can be grouped by; the key of each."""

    PORT = Kind.PORT.value  # PortNum; None: not decrypted
    CHANNEL = Kind.CHANNEL.value  # index; None: not decrypted
    HOPS = Kind.HOPS.value  # None: not known
    VIA_MQTT = Kind.VIA_MQTT.value  # 0 by radio alone, 1 through MQTT
    SENDER = "sender"  # node number
    HOUR = "hour"  # its first second


@dataclass(frozen=True, slots=True)
class Span:
    """A period that ends now, in whole hours or, for senders beyond a day, in whole days (UTC)."""

    first_hour: int  # seconds since 1970

    @classmethod
    def of(cls, hours: int, now: int) -> Span:
        """Return the hour that is running and the `hours` before it."""
        return cls(now - now % HOUR - hours * HOUR)

    def in_days(self) -> Span:
        """Return the span with its first day made whole."""
        return Span(self.first_hour - self.first_hour % DAY)


class TrafficQueries:
    """Each method is one query of bounded time and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def volumes(self, by: By, span: Span) -> dict[int, Volume]:
        """Return the traffic by key."""
        return {key: Volume(packets, size) for key, packets, size in self._rows(_volumes(by, span))}

    def hours(self, by: By, span: Span) -> dict[tuple[int, int], Volume]:
        """Return the traffic by hour and key; not for By.SENDER and By.HOUR."""
        table = TRAFFIC_HOURS.c
        wanted = table.hour >= span.first_hour, table.kind == Kind(by.value).value
        query = select(table.hour, table.key, table.packets, table.size).where(*wanted)
        return {(hour, key): Volume(packets, size) for hour, key, packets, size in self._rows(query)}

    def days(self, span: Span) -> dict[int, Volume]:
        """Return the traffic by sender, from the sums by day."""
        table = NODE_DAYS.c
        sums = func.sum(table.packets), func.sum(table.size)
        query = select(table.num, *sums).where(table.day >= span.first_hour).group_by(table.num)
        return {num: Volume(int(packets), int(size)) for num, packets, size in self._rows(query)}

    def node_hours(self, num: int, span: Span, hours: int) -> dict[int, NodeVolume]:
        """Return one node's sums by hour."""
        table = NODE_HOURS.c
        # The key begins with the hour: naming each hour makes it so many direct hits
        wanted = [span.first_hour + hour * HOUR for hour in range(hours + 1)]
        query = select(NODE_HOURS).where(table.hour.in_(wanted), table.num == num)
        return {hour: _possible(NodeVolume(*rest)) for hour, _num, *rest in self._rows(query)}

    def air_hours(self, span: Span) -> dict[int, Air]:
        """Return how busy the channel was by hour."""
        query = select(AIR_HOURS).where(AIR_HOURS.c.hour >= span.first_hour)
        hours = {hour: Air(*rest) for hour, *rest in self._rows(query)}
        return {hour: air for hour, air in hours.items() if _is_possible(air)}

    def links_of(self, num: int, since: int, limit: int) -> list[LinkRow]:
        """Return whom a node hears and who hears it since then, the latest first."""
        table = LINKS.c
        concerns = and_(table.heard_at >= since, or_(table.hearer == num, table.heard == num))
        return self._links(select(LINKS).where(concerns).order_by(table.heard_at.desc()).limit(limit))

    def links(self, since: int, each: int, limit: int) -> list[LinkRow]:
        """Return who hears whom since then, the latest first, `each` of one hearer at most."""
        place = func.row_number().over(partition_by=LINKS.c.hearer, order_by=LINKS.c.heard_at.desc())
        placed = select(LINKS, place.label("place")).where(LINKS.c.heard_at >= since).subquery()
        columns = [placed.c[column.name] for column in LINKS.c]
        query = select(*columns).where(placed.c.place <= each).order_by(placed.c.heard_at.desc())
        return self._links(query.limit(limit))

    def longest_links(self, since: int, limit: int) -> list[LinkRow]:
        """Return the links heard since then with a known length, the longest first."""
        table = LINKS.c
        query = select(LINKS).where(table.heard_at >= since, table.distance.between(0, bounds.LONGEST_LINK))
        return self._links(query.order_by(table.distance.desc(), table.heard_at.desc()).limit(limit))

    def _links(self, query: Select[*tuple[Any, ...]]) -> list[LinkRow]:
        links = (LinkRow(*row) for row in self._rows(query))
        return [replace(each, snr=bounds.snr(each.snr), distance=bounds.link_length(each.distance)) for each in links]

    def _rows(self, query: Select[*tuple[Any, ...]]) -> list[Any]:
        with self._database.reading() as connection:
            return list(connection.execute(query))


def _possible(node: NodeVolume) -> NodeVolume:
    """Return sums whose means are none that a radio measures as those of packets that came by relays."""
    count = node.direct
    if count <= 0 or bounds.snr(node.snr_sum / count) is None or bounds.rssi(round(node.rssi_sum / count)) is None:
        return NodeVolume(node.packets, node.size)
    return replace(node, snr_least=bounds.snr(node.snr_least), snr_most=bounds.snr(node.snr_most))


def _is_possible(air: Air) -> bool:
    if air.samples <= 0:
        return False
    means = air.utilization_sum / air.samples, air.air_tx_sum / air.samples
    return all(bounds.percent(share) is not None for share in (*means, air.utilization_most, air.air_tx_most))


def _volumes(by: By, span: Span) -> Select[*tuple[Any, ...]]:
    if by is By.SENDER:
        table = NODE_HOURS.c
        sums = func.sum(table.packets), func.sum(table.size)
        return select(table.num, *sums).where(table.hour >= span.first_hour).group_by(table.num)
    table = TRAFFIC_HOURS.c
    key: ColumnElement[int] = table.hour if by is By.HOUR else table.key
    kind = Kind.ALL if by is By.HOUR else Kind(by.value)
    wanted = table.hour >= span.first_hour, table.kind == kind.value
    return select(key, func.sum(table.packets), func.sum(table.size)).where(*wanted).group_by(key)
