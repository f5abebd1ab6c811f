"""The parts that others are made with: what is kept, what is known, and what waits to go on air."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import config
from assembly.status_side import StatusSide, status_side
from meshbot import mesh_link, persistence, sending, storage
from meshbot.commands import (
    node_list,
)
from meshbot.mesh_memory import MeshMemory
from meshbot.nodes import KeyCustody, NodeActivity
from meshbot.runtime import Clock, DatabaseFailed, Report, unreported
from meshbot.storage import Database
from node_manager import NodeManager

if TYPE_CHECKING:
    pass

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error


@dataclass(slots=True)
class Parts:
    """The parts of the running bot that the later ones are made with."""

    settings: config.Settings
    clock: Clock
    database: Database | None
    nodes: NodeManager
    memory: MeshMemory
    link: mesh_link.CurrentLink
    sender: sending.MeshSender
    tracer: sending.Tracer
    custody: KeyCustody
    report: Report
    own_node: persistence.OwnNodeHistory = field(init=False)
    replay_guards: tuple[persistence.ReplayGuard, persistence.ReplayGuard] = field(init=False)
    queue_writer: persistence.QueueWriter | None = field(init=False)
    status: StatusSide | None = field(init=False)  # None: without the status page

    def __post_init__(self) -> None:
        """Make what keeps our numbers, the commands that have run, of admins and of others, and what waits to go."""
        database, guard = self.database, persistence.ReplayGuard
        admins, others = [storage.ReplayStore(database, of_admins=each) if database else None for each in (True, False)]
        self.replay_guards = guard(admins, self.clock), guard(others, self.clock, persistence.KEPT_OF_ALL)
        self.queue_writer = queue_writer(self.database, self.clock, self.sender)
        self.own_node = persistence.OwnNodeHistory(self.database, self.clock, self.report)
        self.status = status_side(self.settings, self.database, self.clock)

    def is_stored(self, row: int) -> bool:
        """Return whether a row of what waits to go on air is in the database."""
        return self.queue_writer is not None and self.queue_writer.is_stored(row)


def open_storage(
    settings: config.Settings, clock: Clock, report: Report = unreported
) -> tuple[Database | None, NodeManager]:
    """Prepare the database, which Housekeeping opens when it can be: the bot answers before that too."""
    database = None
    try:
        database = storage.database_of(settings.database_url.get_secret_value(), settings.data_dir, clock, report)
    except storage.StorageError as exc:
        report(DatabaseFailed(str(exc)))
        error_print("❌ Base de données: %s. Ce qui est appris sera perdu à l'arrêt", exc)
    store = storage.NodeStore(database) if database else None
    return database, NodeManager(store, clock, report, node_list(settings.admin_nodes).numbers)


def memory(
    settings: config.Settings, database: Database | None, nodes: NodeManager, clock: Clock, own_num: Callable[[], int]
) -> MeshMemory:
    """Return the history of the mesh, kept as long as the settings say."""
    memory = MeshMemory(database, nodes, clock, own_num, settings.packet_retention_days, mail_ttl=settings.mail_ttl)
    keep_listed(settings, memory, nodes, own_num)
    return memory


def keep_listed(settings: config.Settings, memory: MeshMemory, nodes: NodeManager, own_num: Callable[[], int]) -> None:
    """Have the nodes that the settings list, those with mail and our own be forgotten last."""
    listed = node_list(node for nodes_of in listed_nodes(settings).values() for node in nodes_of)

    def activity() -> NodeActivity:
        with_mail = memory.mailbox.correspondents()
        return NodeActivity(
            memory.activity(), {*listed.numbers, *nodes.with_key(listed.has_key), *with_mail, own_num()}
        )

    nodes.set_activity(activity, own_num)


def listed_nodes(settings: config.Settings) -> dict[str, tuple[str, ...]]:
    """Return the nodes that each setting lists."""
    of_telegram = tuple(node for line in settings.telegram_users for node in line.split()[2:])
    admins, known = settings.admin_nodes, settings.known_nodes
    return {"admin_nodes": admins, "known_nodes": known, "telegram_users": of_telegram}


def send_queue(
    settings: config.Settings,
    clock: Clock,
    cures: sending.KeyCures,
    moved: Callable[[], Mapping[int, int]] = dict,
) -> sending.SendQueue:
    """Return an empty outbox with the lifetimes of each kind of text; `moved` tells which numbers are others now."""
    limits = send_limits(settings)
    return sending.SendQueue(
        limits.interval,
        limits.packet_bytes,
        sending.new_packet_id,
        limits.lifetimes,
        sending.ChannelHold(limits.channel_utilization),
        sending.AirBudget(limits.air_time),
        # above the numbers that earlier processes gave
        sending.QueueRows(int(clock.now().timestamp() * 1000)),
        cures,
        sending.MovedNumbers(moved),
    )


def send_limits(settings: config.Settings) -> sending.SendLimits:
    """Return how much is sent, how fast, and how long it may wait."""
    lifetimes = {
        sending.Priority.ANSWER: settings.answer_ttl,
        sending.Priority.MAIL: settings.mail_ttl,
        sending.Priority.BRIDGE: settings.bridge_ttl,
        sending.Priority.ALERT: settings.alert_ttl,
    }
    return sending.SendLimits(
        settings.send_interval,
        settings.answer_max_bytes,
        lifetimes,
        settings.channel_utilization_limit,
        settings.air_time_limit,
    )


def sender(
    clock: Clock,
    queue: sending.SendQueue,
    link: mesh_link.CurrentLink,
    reports: sending.ReportRouter,
    *,
    disk: Callable[[object], object],
    cure_key: Callable[[int, bool], object],
) -> sending.MeshSender:
    """Return the service that sends; the disk's inbox keeps what waits."""

    def save(changes: sending.Changes) -> None:
        disk(persistence.QueueChanges(changes))

    return sending.MeshSender(clock, queue, link.interface, save, reports, cure_key=cure_key)


def queue_writer(database: Database | None, clock: Clock, sender: sending.MeshSender) -> persistence.QueueWriter | None:
    """Return what keeps what waits to go on air, and gives it back to the sender, if there is a database."""
    if database is None:
        return None
    return persistence.QueueWriter(
        storage.OutboxStore(database), clock, lambda waiting: sender.tell(sending.RestoredQueue(waiting))
    )
