"""MeshMemory: what was heard of the mesh, for the commands to query; written in batches, whatever the disk does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Final

from meshbot import bounds
from meshbot.mesh_link import NodeRecord, PacketRecord
from meshbot.mesh_memory.aggregates import (
    MAX_PACKETS,
    PacketBatch,
    add_air,
    add_node,
    add_sums,
    add_volume,
    air_hour,
    hours_of,
    signal_hour,
    totals_of,
    volumes_of,
)
from meshbot.mesh_memory.mailbox import Mailbox
from meshbot.mesh_memory.node_views import KnownNodes, node_view
from meshbot.mesh_memory.persons import by_person, few_of_each, joined_state, joined_times, persons, present_links
from meshbot.mesh_memory.recorder import Place, Recorder
from meshbot.mesh_memory.search import found_nodes
from meshbot.mesh_memory.views import (
    AirHour,
    DirectNode,
    HourShare,
    Link,
    NodeView,
    Share,
    SignalHour,
    Totals,
    Traffic,
)
from meshbot.persistence import WriteBehind
from meshbot.runtime import Clock
from meshbot.storage import (
    DAY,
    HOUR,
    UNKNOWN,
    By,
    Database,
    MailStore,
    NodeRow,
    NodeState,
    NodeVolume,
    PacketLog,
    Span,
    StateChanges,
    StorageError,
    TrafficQueries,
)

LOGGER = logging.getLogger(__name__)

# Seconds that a packet may wait for its commit: a kill loses no more. Each commit writes the pages of all sums that
# grew, 20 kB on a quiet mesh and 100 kB on a busy one, and a card wears by that
FLUSH_EVERY: Final = 120.0
BATCH: Final = 1000  # packets that are committed at once
# Seconds between commits of nodes' states: each writes a page for nearly every node that was heard
STATES_EVERY: Final = 600.0
# Links lie far apart, and their nodes report them again within hours; so many may wait, about 3 MB
LINKS_EVERY: Final = 3600.0
MANY_LINKS: Final = 10_000
TIDY_EVERY: Final = 3600.0
# Seconds after READY in which a node may hand over what it kept
REPLAY_TIME: Final = 60.0
# Packets, about 130 MB: a flood must not fill the card
MAX_STORED: Final = 2_000_000
MAX_HOURS: Final = 24 * 366  # that a query may reach back
# Of one node: those of a busy one, our own above all, must not hide all others
MAX_LINKS: Final = 200
MAX_ALL_LINKS: Final = 2000


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What is to be committed; `states` None: they wait for a later commit, as links may."""

    batch: PacketBatch
    states: StateChanges | None
    with_links: bool


class MeshMemory(WriteBehind[PacketLog, Unsaved]):
    """Thread-safe. `record`, `learn_nodes`, `flush` are Housekeeping's; every thread may query.

    Queries about nodes are answered from memory and never fail. Those about traffic, signal and links read the
    database as well, at most 2 s each, and may raise StorageError, whose French text names the fault.
    """

    subject: ClassVar = "Paquets entendus"
    retry_after: ClassVar = 10.0

    def __init__(
        self,
        database: Database | None,
        node_manager: KnownNodes,
        clock: Clock,
        own_num: Callable[[], int],
        retention_days: int,
        *,
        mail_ttl: float,
    ) -> None:
        """Read nothing yet: the first `flush` does. Without a database nothing outlives the process."""
        super().__init__(PacketLog(database) if database else None, clock)
        self.mailbox = Mailbox(MailStore(database) if database else None, clock, mail_ttl, node_manager.numbers)
        self._node_manager = node_manager
        self._own_num = own_num
        self.set_retention(retention_days)
        self._traffic = TrafficQueries(database) if database else None
        # protects what is in memory; held for no I/O
        self._recorder_lock = threading.Lock()
        self._recorder = Recorder(self._known_place)
        # taken from the recorder, not yet committed
        self._committing: PacketBatch | None = None
        self._states_due = self._links_due = self._tidy_due = clock.monotonic()
        self._replay_until = -inf

    def set_retention(self, days: int) -> None:
        """Keep packets, and the figures made of them, for so long from now on."""
        self._retention = days * DAY

    # -- learning, in Housekeeping's thread

    def record(self, packet: PacketRecord) -> bool:
        """Take in one packet of any kind; return False for a repetition, or what was kept on the way: ignored."""
        now = self._clock.monotonic()
        with self._recorder_lock:
            is_heard = self._recorder.record(
                packet, self._now(), self._own_num(), maybe_replayed=now < self._replay_until
            )
            waiting = len(self._recorder.batch.packets)
        self.schedule(now if waiting >= BATCH else now + FLUSH_EVERY)
        return is_heard

    def learn_nodes(self, records: Iterable[NodeRecord]) -> None:
        """Take in the node's own database, at READY: what it kept for us comes next, and may be old."""
        now = self._clock.monotonic()
        self._replay_until = now + REPLAY_TIME
        with self._recorder_lock:
            for record in records:
                self._recorder.learn_record(record, self._now())
        self.schedule(now + FLUSH_EVERY)

    def flush(self, *, last: bool = False) -> bool:
        """See WriteBehind; now and then also delete what is too old."""
        is_saved = super().flush(last=last)
        if is_saved and not last:
            self._tidy()
        return is_saved

    def _load(self, store: PacketLog) -> None:
        states, recent = store.load_states(), store.load_recent(MAX_PACKETS)
        self.mailbox.load()
        with self._recorder_lock:
            self._recorder.load(states, recent)

    def _on_new_database(self, store: PacketLog) -> None:  # noqa: ARG002 - see WriteBehind
        self.mailbox.load()
        with self._recorder_lock:
            self._recorder.mark_all_unsaved()

    def _take_unsaved(self, *, last: bool) -> Unsaved:
        now = self._clock.monotonic()
        with_states = last or now >= self._states_due
        with self._recorder_lock:
            with_links = last or now >= self._links_due or len(self._recorder.batch.links) >= MANY_LINKS
            batch = self._committing = self._recorder.take_batch(with_links=with_links)
            return Unsaved(batch, self._recorder.take_changes() if with_states else None, with_links)

    def _save(self, store: PacketLog, batch: Unsaved) -> None:
        states = batch.states or StateChanges()
        if batch.batch or states != StateChanges():
            store.save(batch.batch.rows(), states, self._now() - self._retention, MAX_STORED)
        self._committing = None
        if batch.states is not None:
            self._states_due = self._clock.monotonic() + STATES_EVERY
        if batch.with_links:
            self._links_due = self._clock.monotonic() + LINKS_EVERY
        if batch.batch.lost:
            LOGGER.warning("⚠️ %d paquets entendus perdus pendant la panne de la base de données", batch.batch.lost)

    def _put_back(self, batch: Unsaved) -> None:
        with self._recorder_lock:
            self._committing = None
            self._recorder.put_back(batch.batch)
            if batch.states is not None:
                self._recorder.put_back_changes(batch.states)

    def _tidy(self) -> None:
        """Delete links and mails that are too old, each TIDY_EVERY, after a failure as soon as WriteBehind retries."""
        now = self._clock.monotonic()
        if self._store is None or now < self._tidy_due:
            return
        try:
            self._store.prune_links(self._now() - self._retention)
            self.mailbox.prune()
        except StorageError as exc:
            LOGGER.debug("Base de données non nettoyée: %s", exc)
            self._tidy_due = now + self.retry_after
            self.schedule(self._tidy_due)
        else:
            self._tidy_due = now + TIDY_EVERY

    @property
    def waiting(self) -> int:
        """How many packets are not committed yet; any thread may ask."""
        committing = self._committing
        return len(self._recorder.batch.packets) + (len(committing.packets) if committing is not None else 0)

    # -- nodes: from memory

    def node(self, num: int) -> NodeView | None:
        """Return what is known of a node, None if that is nothing."""
        numbers = self._node_manager.numbers(num)
        with self._recorder_lock:
            state = joined_state(numbers[0], map(self._recorder.states.get, numbers))
        row = self._node_manager.person(num)
        return self._view(numbers, row, state, self._here(), self._now()) if row or state else None

    def direct_nodes(self, within: float) -> list[DirectNode]:
        """Return the nodes that our own one heard without a relay in the last so many seconds, the best SNR first."""
        named = [(state, self._node_manager.person(state.num) or NodeRow(0)) for state in self._direct(within)]
        return [
            DirectNode(each.num, row.long_name, row.short_name, each.snr, each.direct_at or 0) for each, row in named
        ]

    def _direct(self, within: float) -> list[NodeState]:
        since, own, latest = self._now() - within, self._own_num(), self._now() + bounds.CLOCK_AHEAD
        states = self._states()
        found = [state for state in states if since <= (state.direct_at or 0) <= latest and state.num != own]
        found.sort(key=lambda state: (-inf if state.snr is None else state.snr, state.direct_at or 0), reverse=True)
        return found

    def heard_nodes(self, within: float) -> list[NodeView]:
        """Return the nodes heard in the last so many seconds, relayed ones too, our own one not, the latest first."""
        now, own, here = self._now(), self._own_num(), self._here()
        since, latest = now - within, now + bounds.CLOCK_AHEAD
        found = [state for state in self._states() if since <= state.last_heard <= latest and state.num != own]
        found.sort(key=lambda state: -state.last_heard)
        known = self._node_manager
        # nearly all have one number only: thousands of questions less
        several = set(known.moved.values())
        numbers = ((each, known.numbers(each.num) if each.num in several else (each.num,)) for each in found)
        return [self._view(nums, known.person(each.num), each, here, now) for each, nums in numbers]

    def find_nodes(self, text: str, *, longer: bool = False) -> list[NodeView]:
        """Return the nodes that a person means by a name, a short name, `!hex`, hex or its end; the latest heard first.

        Exact matches go before all others: see search. With `longer`, see known_longer.
        """
        with self._recorder_lock:
            states = dict(self._recorder.states)
        rows = {row.num: row for row in self._node_manager.nodes()}
        found = found_nodes(text, rows, states, self._node_manager.moved, longer=longer)
        return [view for num in found if (view := self.node(num))]

    @property
    def hours_kept(self) -> int:
        """Return how far back what was heard can reach."""
        return self._retention // HOUR

    # -- what was heard: from the database and what is yet to be written

    def traffic(self, hours: int, by: By) -> Traffic:
        """Return the traffic of the running hour and the `hours` before it. Raises StorageError."""
        span = self._span(hours)
        if by is By.SENDER and hours > 24:  # noqa: PLR2004 - sums by hour of a day are as many as can be added up
            span = span.in_days()
            stored = self._traffic.days(span) if self._traffic else {}
        else:
            stored = self._traffic.volumes(by, span) if self._traffic else {}
        for batch in self._unsaved():
            add_sums(stored, volumes_of(batch, by, span), add_volume)
        if by is By.SENDER:
            stored = by_person(stored, self._node_manager.moved, add_volume)
        shares = [Share(None if key == UNKNOWN else key, each.packets, each.size) for key, each in stored.items()]
        shares.sort(key=lambda share: share.key or 0 if by is By.HOUR else -share.packets)
        return Traffic(span.first_hour, by, tuple(shares))

    def traffic_by_hour(self, hours: int, by: By) -> list[HourShare]:
        """Return the traffic hour by hour, in order of time, without hours of silence. Raises StorageError."""
        span = self._span(hours)
        stored = self._traffic.hours(by, span) if self._traffic else {}
        for batch in self._unsaved():
            add_sums(stored, hours_of(batch, by, span), add_volume)
        return [
            HourShare(hour, None if key == UNKNOWN else key, stored[hour, key].packets) for hour, key in sorted(stored)
        ]

    def totals(self, hours: int) -> Totals:
        """Return the traffic of the running hour and the `hours` before it in figures. Raises StorageError."""
        return totals_of(*(self.traffic(hours, by) for by in (By.HOPS, By.VIA_MQTT, By.PORT, By.SENDER)))

    def signal_of(self, num: int, hours: int) -> list[SignalHour]:
        """Return how a node was heard, hour by hour, hours of silence left out. Raises StorageError."""
        span, numbers = self._span(hours), self._node_manager.numbers(num)
        stored: dict[int, NodeVolume] = {}
        if self._traffic is not None:
            for each in numbers:
                add_sums(stored, self._traffic.node_hours(each, span, min(hours, MAX_HOURS)), add_node)
        for batch in self._unsaved():
            for (hour, key), node in batch.nodes.items():
                if key in numbers and hour >= span.first_hour:
                    add_sums(stored, {hour: node}, add_node)
        return [signal_hour(hour, stored[hour]) for hour in sorted(stored)]

    def air(self, hours: int) -> list[AirHour]:
        """Return how busy our own node found the channel, hour by hour. Raises StorageError."""
        span = self._span(hours)
        stored = self._traffic.air_hours(span) if self._traffic else {}
        for batch in self._unsaved():
            add_sums(stored, {hour: air for hour, air in batch.air.items() if hour >= span.first_hour}, add_air)
        return [air_hour(hour, stored[hour]) for hour in sorted(stored)]

    def neighbours_of(self, num: int | None, hours: int = 24) -> list[Link]:
        """Return who hears whom, the latest first: what concerns a node, or everything. Raises StorageError."""
        since = self._now() - hours * HOUR
        numbers = None if num is None else self._node_manager.numbers(num)
        stored = self._stored_links(numbers, since)
        links = self._with_unsaved(
            stored, lambda link: not numbers or bool({link.hearer, link.heard} & {*numbers}), since
        )
        latest = sorted(links, key=lambda link: -link.heard_at)
        return latest[:MAX_LINKS] if num is not None else few_of_each(latest, MAX_LINKS)[:MAX_ALL_LINKS]

    def longest_links(self, hours: int, count: int) -> list[Link]:
        """Return the longest links heard, relays and impossible distances left out. Raises StorageError."""
        since = self._now() - hours * HOUR
        stored = self._traffic.longest_links(since, min(count, MAX_LINKS)) if self._traffic else []
        links = self._with_unsaved(stored, lambda link: link.distance is not None, since)
        return sorted(links, key=lambda link: -(link.distance or 0))[:count]

    def activity(self) -> dict[int, tuple[int, int]]:
        """Return when each node was first and last heard, in seconds since 1970."""
        with self._recorder_lock:
            states = self._recorder.states.values()
            known = {state.num: (state.last_heard - state.observed_for, state.last_heard) for state in states}
        return joined_times(known, self._node_manager.moved)

    # -- inside

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _span(self, hours: int) -> Span:
        return Span.of(max(0, min(hours, MAX_HOURS)), self._now())

    def _unsaved(self) -> list[PacketBatch]:
        """Return copies of what is not committed; read after the database, so that nothing counts twice."""
        with self._recorder_lock:
            batches = [batch for batch in (self._committing, self._recorder.batch) if batch]
            return [batch.sums() for batch in batches]

    def _with_unsaved(self, stored: list[Link], wanted: Callable[[Link], bool], since: float) -> list[Link]:
        links = {(link.hearer, link.heard): link for link in stored}
        for batch in self._unsaved():
            links |= {key: link for key, link in batch.links.items() if wanted(link) and link.heard_at >= since}
        return present_links(links.values(), self._node_manager.moved)

    def _stored_links(self, numbers: Sequence[int] | None, since: int) -> list[Link]:
        if self._traffic is None:
            return []
        if numbers is None:
            return self._traffic.links(since, MAX_LINKS, MAX_ALL_LINKS)
        return [link for num in numbers for link in self._traffic.links_of(num, since, MAX_LINKS)]

    def _states(self) -> list[NodeState]:
        """Return a state for each node."""
        moved = self._node_manager.moved
        with self._recorder_lock:
            return persons(self._recorder.states, moved)

    def _here(self) -> Place | None:
        numbers = self._node_manager.numbers(self._own_num())
        with self._recorder_lock:
            return next(filter(None, map(self._recorder.place, numbers)), None)

    def _view(
        self, numbers: Sequence[int], row: NodeRow | None, state: NodeState | None, here: Place | None, now: int
    ) -> NodeView:
        has_key = self._node_manager.public_key(numbers[0]) is not None
        signs = not self._recorder.signers.isdisjoint(numbers)
        return node_view(numbers, row, state, here, now, has_key=has_key, signs=signs)

    def _known_place(self, num: int) -> Place | None:
        row = self._node_manager.person(num)
        return bounds.place(row.latitude, row.longitude) if row is not None else None
