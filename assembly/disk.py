"""The thread that waits for the disk, with all that it writes, and who learns what became of a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import config
from assembly.custody import custody_takers, custody_writer
from assembly.parts import Parts, listed_nodes
from assembly.telegram_side import update_writer
from meshbot import mesh_link, persistence, sending
from meshbot.commands import (
    MailNotices,
    builtin,
    report_moved,
    report_unverified,
    translator,
)
from meshbot.mesh_memory import HourlySummary, MeshMemory
from meshbot.persistence import Housekeeping, recall_texts
from meshbot.radio_backup import NightlyBackup
from meshbot.runtime import Clock, DiskCheck, Report, Service
from node_manager import NodeManager

if TYPE_CHECKING:
    pass


def takers(
    nodes: NodeManager,
    memory: MeshMemory,
    notices: MailNotices,
    queue_writer: persistence.QueueWriter | None,
    updates: persistence.UpdateWriter | None,
) -> persistence.Takers:
    """Return who takes what is told to Housekeeping."""

    def record(packet: mesh_link.PacketRecord) -> None:
        if memory.record(packet):
            nodes.hear(packet)
        memory.mailbox.recall_notices(nodes.take_parted())

    return {
        mesh_link.NodeDatabase: (
            lambda message: nodes.learn_from_node_database(message.records),
            lambda message: memory.learn_nodes(message.records),
        ),
        mesh_link.NodeInfoPacket: (lambda packet: nodes.learn_from_nodeinfo(packet.record, at_once=False),),
        mesh_link.PacketRecord: (record, notices.on_packet),
        sending.DeliveryReport: (notices.on_delivery_report,),
        persistence.QueueChanges: () if queue_writer is None else (queue_writer.take,),
        persistence.UpdatesHandled: () if updates is None else (updates.take,),
    }


def disk_check(settings: config.Settings, report: Report) -> Callable[[], None]:
    """Return a look at the space left in the data folder, which may wait for the disk and raises nothing."""
    return DiskCheck(settings.data_dir, settings.disk_alert_percent / 100, report).look


def housekeeping(parts: Parts, telegram: Service | None, route: Callable[[Any], object]) -> Housekeeping:
    """Return the thread that waits for the disk, with all that it writes; `route` puts into the router's inbox."""
    settings, clock, database, sender = parts.settings, parts.clock, parts.database, parts.sender
    memory, nodes, tr = parts.memory, parts.nodes, translator(settings.language)
    notices = MailNotices(memory.mailbox, memory, clock, sender.tell, tr, old_number=nodes.silent_number)
    updates = None if telegram is None else update_writer(settings, database, clock, telegram.tell)
    check, stored = disk_check(settings, parts.report), (parts.nodes, parts.memory)
    nightly = NightlyBackup(settings.data_dir, settings.radio_backup_passphrase, clock, parts.link.interface)
    daily = daily_backup(settings, clock)
    keeper = custody_writer(database, clock, parts.custody)
    of_custody = custody_takers(parts.custody, keeper, parts.nodes)
    hourly = HourlySummary(
        clock, parts.link.figures, lambda within: len(memory.heard_nodes(within)), lambda: sender.waiting
    )
    of_own_node: persistence.Takers = {mesh_link.OwnNode: (parts.own_node.take,)}
    taken = takers(*stored, notices, parts.queue_writer, updates)
    counted = (*taken[mesh_link.PacketRecord], hourly.take)
    history = None if parts.status is None else parts.status.link_history
    writers = updates, parts.queue_writer, parts.own_node, keeper, *stored, *parts.replay_guards, history
    housekeeping = Housekeeping(
        clock,
        tuple(filter(None, writers)),
        {**taken, mesh_link.PacketRecord: counted, **of_own_node, **of_custody},
        (check, lambda: parts.nodes.restore_keys(parts.link.interface()), nightly.look, daily.look, hourly.look),
        after_load=(
            check,
            lambda: recall_texts(database, mesh_link.TEXT_PORTNUMS, lambda keys: route(mesh_link.SeenTexts(keys))),
            lambda: parts.nodes.import_node_names(settings.node_names_file),
            lambda: parts.nodes.sync_after_load(parts.link.interface()),
            lambda: report_moved(listed_nodes(settings), parts.nodes),
            parts.nodes.report_imported,
            lambda: report_unverified(settings.admin_nodes, parts.nodes),
        ),
        before_stop=(daily.stop,),
    )
    if database is not None:
        database.on_change = housekeeping.wake
    return housekeeping


def daily_backup(settings: config.Settings, clock: Clock) -> persistence.DailyBackup:
    """Return what copies the database's file once a day; a server is its operator's matter."""
    keep = 0 if settings.database_url.get_secret_value() else settings.database_backups
    return persistence.DailyBackup(settings.data_dir, keep, clock)


def route_reports(
    reports: sending.ReportRouter,
    parts: Parts,
    housekeeping: Housekeeping,
    telegram: Service | None,
    control: Callable[[sending.DeliveryReport], object],
) -> None:
    """Have what becomes of each text reported to the part that it came from."""
    tr = translator(parts.settings.language)
    echo = builtin.EchoReports(parts.clock, parts.sender.tell, tr, lambda: parts.settings.answer_ttl)
    reports.route(sending.EchoOrigin, echo.on_delivery_report)
    reports.route(sending.MailNoticeOrigin, housekeeping.tell)
    reports.route(sending.ControlOrigin, control)
    if telegram is not None:
        reports.route(sending.TelegramOrigin, telegram.tell)
