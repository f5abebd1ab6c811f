"""The thread Housekeeping: writes down what was heard and learnt, and vouches to systemd for every other thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from operator import itemgetter
from typing import Any, Protocol

from meshbot.mesh_link import NodeInfoPacket, NodeRecord, PacketRecord
from meshbot.persistence.queue_writer import QueueWriter
from meshbot.persistence.update_writer import MessageKey, UpdateWriter
from meshbot.runtime import PING, Clock, Service, notify
from meshbot.sending import Changes, DeliveryReport

LOGGER = logging.getLogger(__name__)
INBOX_LIMIT = 2000  # packets waiting for a slow disk: 30 s of the busiest mesh
COMMIT_EVERY = 1.0  # seconds between two commits, whatever they are of: an SD card wears by each
UPKEEP_EVERY = 900.0  # seconds between two looks at the database and at the interface's keys


class Writer(Protocol):
    """Writes what waits, in batches; a database that fails is its own matter."""

    @property
    def deadline(self) -> float:
        """When `write` has something to do; inf for never."""
        ...

    def write(self, now: float) -> None:
        """Write it; raises nothing."""


class NodeStore(Protocol):
    """Where names and keys are learnt; NodeManager is one. Calls may wait for the disk and raise nothing."""

    def learn_from_node_database(self, records: Iterable[NodeRecord]) -> int:
        """Take in the radio's own node database."""
        ...

    def learn_from_nodeinfos(self, records: Sequence[NodeRecord]) -> int:
        """Take in NODEINFO packets."""
        ...

    def flush(self) -> bool:
        """Write what is unsaved; return whether nothing is left."""
        ...

    def sync_pubkeys_to_interface(self, interface: Any) -> int:
        """Put trusted keys into the interface's nodes."""
        ...


class HeardStore(Protocol):
    """Where what was heard is kept; MeshMemory is one. Raises nothing."""

    def hear(self, packet: PacketRecord) -> None:
        """Take in one packet; waits for nothing."""

    def learn_nodes(self, records: Iterable[NodeRecord]) -> None:
        """Take in what the radio's own node database says."""

    def deadline(self) -> float:
        """Return when `flush` has something to do; inf for never."""
        ...

    def flush(self, *, last: bool = False) -> object:
        """Write it; `last` at the end."""


@dataclass(frozen=True, slots=True)
class NodeDatabase:
    """What the node's own database said, at READY."""

    records: Sequence[NodeRecord]


@dataclass(frozen=True, slots=True)
class QueueChanges:
    """What changed of what waits to go on air."""

    changes: Changes


@dataclass(frozen=True, slots=True)
class UpdatesHandled:
    """Messages from Telegram that were acted upon, and ids of messages that were posted there."""

    ids: Sequence[int]
    messages: Mapping[MessageKey, int]


Message = NodeDatabase | NodeInfoPacket | PacketRecord | QueueChanges | UpdatesHandled | DeliveryReport


class Housekeeping(Service):
    """Takes what was heard, learnt, queued and handled; the only thread that waits for the disk."""

    name = "Housekeeping"

    def __init__(
        self,
        clock: Clock,
        node_manager: NodeStore,
        memory: HeardStore,
        interface_of: Callable[[], Any],
        watchdog_interval: float | None,
        *,
        outbox: QueueWriter | None = None,
        updates: UpdateWriter | None = None,
        on_heard: Callable[[PacketRecord], object] = bool,
        on_delivery_report: Callable[[DeliveryReport], object] = bool,
        disk: Callable[[], object] = bool,
    ) -> None:
        """`watchdog_interval` in seconds as systemd wants it, None when it does not watch; keepers may be None.

        `on_heard` gets each packet, `on_delivery_report` what became of this thread's texts, `disk` looks
        at the space left now and then; each may wait for the disk, and raises nothing.
        """
        super().__init__(clock, INBOX_LIMIT)
        self._node_manager = node_manager
        self._memory = memory
        self._node_infos: list[NodeRecord] = []
        self._learn_at = inf  # when the first of them came
        self._interface_of = interface_of
        self._watchdog_interval = watchdog_interval
        self._outbox = outbox
        self._updates = updates
        self._keepers: tuple[Writer, ...] = tuple(keeper for keeper in (outbox, updates) if keeper is not None)
        self._on_heard = on_heard
        self._on_delivery_report = on_delivery_report
        self._disk = disk
        self._watched: dict[Service, int] = {}  # with the pings that each must have answered
        self._vouch_at = inf
        self._upkeep_at = inf
        self._commit_at = -inf  # not before

    def watch(self, services: Sequence[Service]) -> None:
        """Vouch for these services from now on; before `start`."""
        self._watched = dict.fromkeys(services, 0)

    def on_start(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        self._upkeep_at = now + UPKEEP_EVERY
        if self._watchdog_interval is not None:
            self._vouch_at = now
        for keeper in self._keepers:
            keeper.write(now)
        self._disk()

    def deadline(self) -> float:
        """See Service."""
        handled_at = inf if self._updates is None else self._updates.deadline
        return min(self._vouch_at, self._upkeep_at, handled_at, max(self._first_writer()[0], self._commit_at))

    def on_deadline(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        if now >= self._vouch_at and self._watchdog_interval is not None:
            self._vouch_at = now + self._watchdog_interval
            self._vouch()
        if now >= self._upkeep_at:
            self._upkeep_at = now + UPKEEP_EVERY
            self._upkeep()
        self._write(now)

    def handle(self, message: Message) -> None:
        """See Service."""
        match message:
            case NodeDatabase(records):
                self._node_manager.learn_from_node_database(records)
                self._memory.learn_nodes(records)
            case NodeInfoPacket(record):
                self._node_infos.append(record)
                self._learn_at = min(self._learn_at, self._clock.monotonic())
            case PacketRecord():
                self._memory.hear(message)
                self._on_heard(message)
            case QueueChanges(changes) if self._outbox is not None:
                self._outbox.note(changes, self._clock.monotonic())
            case UpdatesHandled(ids, messages) if self._updates is not None:
                self._updates.note(ids, messages, self._clock.monotonic())
            case DeliveryReport():
                self._on_delivery_report(message)

    def on_stop(self) -> None:
        """See Service."""
        for keeper in self._keepers:
            keeper.write(self._clock.monotonic())
        self._learn()
        if self._node_manager.flush():  # a database that fails now gets no second try: the end has to come soon
            self._memory.flush(last=True)

    def _write(self, now: float) -> None:
        """Write what has waited longest; what came by Telegram at once, or a kill has it acted upon twice."""
        if self._updates is not None and now >= self._updates.deadline:
            self._updates.write(now)
            self._commit_at = now + COMMIT_EVERY
        due, write = self._first_writer()
        if now >= max(due, self._commit_at):
            write()
            self._commit_at = now + COMMIT_EVERY

    def _first_writer(self) -> tuple[float, Callable[[], object]]:
        """Return what is to be written next: when, and how."""
        writers: list[tuple[float, Callable[[], object]]] = [
            (self._learn_at, self._learn),
            (self._memory.deadline(), self._memory.flush),
        ]
        if (outbox := self._outbox) is not None:
            writers.append((outbox.deadline, lambda: outbox.write(self._clock.monotonic())))
        return min(writers, key=itemgetter(0))

    def _learn(self) -> None:
        records, self._node_infos, self._learn_at = self._node_infos, [], inf
        self._node_manager.learn_from_nodeinfos(records)

    def _vouch(self) -> None:
        """Tell systemd that all is well if every thread has answered; else let it restart the process."""
        deaf = [service.name for service, pings in self._watched.items() if service.pings_answered < pings]
        if deaf:
            LOGGER.error("❌ Ne répond plus: %s; systemd va relancer le bot", ", ".join(deaf))
            return
        notify("WATCHDOG=1")
        for service in self._watched:
            self._watched[service] += 1
            service.tell(PING)

    def _upkeep(self) -> None:
        self._disk()
        self._node_manager.flush()
        interface = self._interface_of()
        if interface is not None:
            self._node_manager.sync_pubkeys_to_interface(interface)
