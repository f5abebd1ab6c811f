"""Recorder: turns packets into states of nodes, links and sums; no lock, no clock, no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import nsmallest
from typing import Final

from meshbot import bounds
from meshbot.mesh_link import DeviceMetrics, NeighborInfo, NodeRecord, PacketRecord, PositionPayload
from meshbot.mesh_memory.aggregates import MAX_PACKETS, PacketBatch, is_direct
from meshbot.mesh_memory.geography import distance
from meshbot.storage import DAY, HOUR, LinkRow, NodeState, PacketRow, StateChanges

# Anybody can send under any number
MAX_NODES: Final = 20_000
# At once: those that were heard for the shortest time, of these the longest silent
EVICTED: Final = 1_000
# Seconds: a node hands over after a connection what it kept, which is ignored if it is older than this
REPLAY_AGE: Final = DAY
# Senders of one packet whose sums and links an hour takes in: anybody can invent thousands, and each would be rows on
# the card for as long as packets are kept
STRANGERS_AN_HOUR: Final = 2_000

Place = tuple[float, float]  # latitude and longitude in degrees


class RecentPackets:
    """The ids of the last packets, to recognise one that is heard again.

    Kept as one number each: an OrderedDict of 20,000 pairs would take 3 MB more.
    """

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


class Recorder:
    """States of nodes, and what is yet to be written."""

    def __init__(self, place_of: Callable[[int], Place | None]) -> None:
        """`place_of` returns where a node is of which no position was heard."""
        self.states: dict[int, NodeState] = {}
        # nodes of which our own one has verified a signature; not saved, as its database knows them at each READY
        self.signers: set[int] = set()
        self.batch = PacketBatch()
        self.recent = RecentPackets()
        self._place_of = place_of
        self._strangers_hour = 0
        self._strangers: set[int] = set()
        self._changed: set[int] = set()
        self._forgotten: set[int] = set()

    def learn_record(self, record: NodeRecord, now: int) -> None:
        """Take in a record of the radio's own node database; what was heard later than that stays."""
        if record.has_signed:
            self.signers.add(record.num)
        at = bounds.past(record.last_heard, now) or 0
        known = self.states.get(record.num)
        if not at or (known is not None and (bounds.past(known.last_heard, now) or 0) >= at):
            return
        state, hops = self._state(record.num, at), bounds.hops(record.hops)
        state = replace(state, last_heard=at, hops=state.hops if hops is None else hops, via_mqtt=record.via_mqtt)
        if hops == 0 and not record.via_mqtt and record.snr is not None:
            state = replace(state, snr=bounds.snr(record.snr), direct_at=at)
        if record.metrics is not None:
            state = _with_metrics(state, record.metrics, at)
        if record.latitude is not None and record.longitude is not None:
            position = PositionPayload(record.latitude, record.longitude, record.altitude)
            # a node that has fallen silent about its position is heard all the same
            state = _with_position(state, position, min(bounds.past(record.position_at, now) or at, at))
        self._set(state)

    def record(self, packet: PacketRecord, now: int, own_num: int, *, maybe_replayed: bool) -> bool:
        """Take in one packet; return False for what was not heard now: a repetition, or what our node had kept."""
        if packet.is_replay:
            self._refresh(packet, now)
            return False
        at = packet.reception.rx_time
        if at and maybe_replayed and at < now - REPLAY_AGE:
            return False
        if not self.recent.is_new(packet.sender, packet.packet_id):
            return False
        # Our node does not know the time, or a wrong one
        if not now - DAY <= at <= now:
            at = now
        row = _row(packet, at)
        state = self._state(packet.sender, at)
        is_counted = state.observed_for > 0 or packet.sender == own_num or self._has_room(packet.sender, at)
        if packet.sender != own_num:
            self.batch.add_packet(row, with_sender=is_counted)
            state = _heard(_of_the_past(state, now), row)
        else:
            state = replace(state, last_heard=max(at, bounds.past(state.last_heard, now) or 0))
        if packet.reception.signed:
            self.signers.add(packet.sender)
        self._set(self._with_payload(state, packet, at, own_num, with_links=is_counted))
        if is_counted and is_direct(row) and packet.sender != own_num and own_num:
            self._link(own_num, packet.sender, row.snr, at)
        return True

    def _refresh(self, packet: PacketRecord, now: int) -> None:
        """Take in place or metrics that our node hands over from its database: as of then, and heard by nobody now."""
        if not isinstance(packet.payload, PositionPayload | DeviceMetrics):
            return
        at = bounds.past(packet.reception.rx_time or None, now) or 0
        state = _of_the_past(self._state(packet.sender, 0), now)
        if isinstance(packet.payload, PositionPayload):
            self._set(_with_position(state, packet.payload, at))
        else:
            self._set(_with_metrics(state, packet.payload, at))

    def place(self, num: int) -> Place | None:
        """Return where a node is, as far as is known."""
        state = self.states.get(num)
        if state is not None and state.latitude is not None and state.longitude is not None:
            return state.latitude, state.longitude
        return self._place_of(num)

    def take_batch(self, *, with_links: bool) -> PacketBatch:
        """Hand over what is to be committed; the links may wait for a later one."""
        batch, self.batch = self.batch, PacketBatch()
        if not with_links:
            batch.links, self.batch.links = self.batch.links, batch.links
        return batch

    def put_back(self, batch: PacketBatch) -> None:
        """Take back what could not be committed."""
        batch.absorb(self.batch)
        self.batch = batch

    def take_changes(self) -> StateChanges:
        """Hand over the states that are to be written."""
        changed = tuple(self.states[num] for num in self._changed if num in self.states)
        changes = StateChanges(changed, tuple(self._forgotten))
        self._changed, self._forgotten = set(), set()
        return changes

    def put_back_changes(self, changes: StateChanges) -> None:
        """Take back what could not be written; what changed since is newer."""
        self._changed.update(state.num for state in changes.changed)
        self._forgotten.update(num for num in changes.forgotten if num not in self.states)

    def mark_all_unsaved(self) -> None:
        """Count every state as unsaved, for a database that was replaced."""
        self._changed.update(self.states)

    def load(self, states: dict[int, NodeState], recent: Iterable[tuple[int, int]]) -> None:
        """Take in what the database holds, under what was heard meanwhile."""
        for num, state in states.items():
            heard = self.states.get(num)
            first = state.last_heard - state.observed_for
            self.states[num] = (
                _within_bounds(state) if heard is None else replace(heard, first_heard=min(first, heard.last_heard))
            )
        for sender, packet_id in recent:
            self.recent.is_new(sender, packet_id)

    def _state(self, num: int, at: int) -> NodeState:
        known = self.states.get(num)
        if known is None and len(self.states) >= MAX_NODES:
            for state in nsmallest(EVICTED, self.states.values(), key=_worth):
                del self.states[state.num]
                self.signers.discard(state.num)
                self._forgotten.add(state.num)
        if known is None:
            return NodeState(num, at)
        return known if known.first_heard is not None else replace(known, first_heard=min(known.last_heard, at))

    def _set(self, state: NodeState) -> None:
        self.states[state.num] = state
        self._changed.add(state.num)
        self._forgotten.discard(state.num)

    def _has_room(self, sender: int, at: int) -> bool:
        """Return whether the hour takes in one more sender of whom nothing else was heard."""
        if (hour := at - at % HOUR) > self._strangers_hour:
            self._strangers_hour, self._strangers = hour, set()
        if len(self._strangers) < STRANGERS_AN_HOUR:
            self._strangers.add(sender)
        return sender in self._strangers

    def _with_payload(
        self, state: NodeState, packet: PacketRecord, at: int, own_num: int, *, with_links: bool
    ) -> NodeState:
        match packet.payload:
            case PositionPayload():
                return _with_position(state, packet.payload, at)
            case DeviceMetrics(utilization=utilization, air_tx=air_tx):
                if packet.sender == own_num and utilization is not None:
                    self.batch.add_air(at, utilization, air_tx or 0.0)
                return _with_metrics(state, packet.payload, at)
            case NeighborInfo(neighbors) if with_links:
                for neighbor in neighbors:
                    self._link(packet.sender, neighbor.num, bounds.snr(neighbor.snr), at)
        return state

    def _link(self, hearer: int, heard: int, snr: float | None, at: int) -> None:
        if hearer == heard:
            return
        here, there = self.place(hearer), self.place(heard)
        length = bounds.link_length(distance(*here, *there) if here and there else None)
        self.batch.add_link(LinkRow(hearer, heard, snr, at, length))


def _worth(state: NodeState) -> tuple[int, int, int]:
    """Return what is compared when states have to go: that of a number invented for one packet is worth least."""
    span = state.observed_for
    return (span > 0) + (span >= DAY), span, state.last_heard


def _row(packet: PacketRecord, at: int) -> PacketRow:
    return PacketRow(
        rx_time=at,
        sender=packet.sender,
        recipient=packet.to,
        packet_id=packet.packet_id,
        channel=packet.channel,
        portnum=packet.portnum,
        hops=bounds.hops(packet.reception.hops),
        hop_start=packet.hop_start,
        snr=bounds.snr(packet.reception.snr),
        rssi=bounds.rssi(packet.reception.rssi),
        via_mqtt=packet.reception.via_mqtt,
        size=packet.size,
    )


def _heard(state: NodeState, row: PacketRow) -> NodeState:
    """Return the state after one packet of the node; a late one changes less."""
    if row.rx_time >= state.last_heard:
        hops = state.hops if row.hops is None else row.hops
        state = replace(state, last_heard=row.rx_time, hops=hops, via_mqtt=row.via_mqtt)
    if is_direct(row) and row.rx_time >= (state.direct_at or 0):
        state = replace(state, snr=row.snr, rssi=row.rssi, direct_at=row.rx_time)
    return state


def _with_metrics(state: NodeState, metrics: DeviceMetrics, at: int) -> NodeState:
    if at < (state.metrics_at or 0):
        return state
    return replace(
        state,
        battery=state.battery if metrics.battery is None else metrics.battery,
        voltage=state.voltage if metrics.voltage is None else metrics.voltage,
        utilization=state.utilization if metrics.utilization is None else metrics.utilization,
        air_tx=state.air_tx if metrics.air_tx is None else metrics.air_tx,
        metrics_at=at or None,
    )


def _with_position(state: NodeState, position: PositionPayload, at: int) -> NodeState:
    if at < (state.position_at or 0):
        return state
    return replace(
        state,
        latitude=position.latitude,
        longitude=position.longitude,
        altitude=position.altitude,
        position_at=at or None,
    )


def _of_the_past(state: NodeState, now: int) -> NodeState:
    """Return the state without times to come, which would keep all that is heard now from counting."""
    if max(state.last_heard, state.direct_at or 0, state.metrics_at or 0, state.position_at or 0) <= now:
        return state
    return replace(
        state,
        last_heard=bounds.past(state.last_heard, now) or 0,
        direct_at=bounds.past(state.direct_at, now),
        metrics_at=bounds.past(state.metrics_at, now),
        position_at=bounds.past(state.position_at, now),
    )


def _within_bounds(state: NodeState) -> NodeState:
    """Return a saved state without what cannot be; an earlier version may have written anything."""
    place = bounds.place(state.latitude, state.longitude)
    latitude, longitude = place or (None, None)
    sane = NodeState(
        state.num,
        last_heard=bounds.time(state.last_heard) or 0,
        hops=bounds.hops(state.hops),
        via_mqtt=bool(state.via_mqtt),
        snr=bounds.snr(state.snr),
        rssi=bounds.rssi(state.rssi),
        direct_at=bounds.time(state.direct_at),
        battery=bounds.battery(state.battery),
        voltage=bounds.voltage(state.voltage),
        utilization=bounds.percent(state.utilization),
        air_tx=bounds.percent(state.air_tx),
        metrics_at=bounds.time(state.metrics_at),
        latitude=latitude,
        longitude=longitude,
        altitude=bounds.altitude(state.altitude) if place else None,
        position_at=bounds.time(state.position_at) if place else None,
        first_heard=bounds.time(state.first_heard),
    )
    return state if sane == state else sane
