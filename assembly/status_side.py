"""The status page and the metrics, where the settings ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import config
from meshbot import persistence, version
from meshbot.runtime import Clock, IncidentBus, Report, Service, Watchdog
from meshbot.sending import ReportRouter, SendQueue, outbox_figures
from meshbot.storage import Database

if TYPE_CHECKING:
    from assembly.parts import Parts
    from meshbot import mesh_link
    from meshbot.status_page import BotMetrics, IncidentLog, StatusServer
    from meshbot.telegram_bot import TelegramService
    from tcp_interface_manager import TCPInterfaceManager


@dataclass(frozen=True, slots=True)
class StatusSide:
    """What counts and remembers for the page from the start of the bot on."""

    metrics: BotMetrics
    incidents: IncidentLog
    link_history: persistence.LinkHistory


@dataclass(frozen=True, slots=True)
class Watched:
    """What the page looks at, beside the parts that others are made with."""

    queue: SendQueue
    router: mesh_link.PacketRouter
    tcp: TCPInterfaceManager
    telegram: TelegramService | None
    services: Callable[[], Iterable[Service]]
    watchdog: Callable[[], Watchdog]  # made after the page


def status_side(settings: config.Settings, database: Database | None, clock: Clock) -> StatusSide | None:
    """Return it if there is a status_port."""
    if not settings.status_port:
        return None
    from meshbot.status_page import BotMetrics, IncidentLog  # noqa: PLC0415 - 4 MB that most do not need

    return StatusSide(BotMetrics(clock), IncidentLog(clock), persistence.LinkHistory(database, clock))


def observe(parts: Parts, reports: ReportRouter, incidents: IncidentBus, telegram: Service | None) -> None:
    """Have incidents go to who tells people, and all that is counted to the metrics."""
    listeners: list[Report] = [] if telegram is None else [telegram.tell]
    if parts.status is not None:
        metrics, history = parts.status.metrics, parts.status.link_history
        listeners += [parts.status.incidents.take, metrics.incident]
        for observer in (metrics.link, history.take):
            parts.link.statistics.observe(observer)
        reports.observe(metrics.report)
        if parts.database is not None:
            parts.database.on_transaction = metrics.transaction
    incidents.listen(*listeners)


def status_server(parts: Parts, watched: Watched) -> StatusServer | None:
    """Return the thread that serves the page, if there is one."""
    if parts.status is None:
        return None
    from meshbot.status_page import Application, Sources, StatusPage, StatusServer, Telegram  # noqa: PLC0415 - the same

    settings, clock, link, database, telegram = (
        parts.settings,
        parts.clock,
        parts.link,
        parts.database,
        watched.telegram,
    )

    def link_state() -> str:
        return watched.tcp.state.name.lower()

    def beats() -> Sequence[tuple[str, int, float]]:
        return watched.watchdog().beats()

    sources = Sources(
        clock=clock,
        memory=parts.memory,
        keys=parts.nodes,
        own_num=link.own_num,
        link_state=link_state,
        link=link.figures,
        is_locked=link.is_locked,
        link_periods=parts.status.link_history.periods,
        radio_keys=parts.custody.tally,
        outbox=lambda: outbox_figures(watched.queue, clock.monotonic()),
        mails=parts.memory.mailbox.totals,
        refused_packets=lambda: watched.router.refused,
        inbox_drops=lambda: {each.name: each.dropped for each in watched.services()},
        beats=beats,
        database_fails=lambda: database is None or database.fails,
        telegram=lambda: None if telegram is None else Telegram(telegram.is_reachable, telegram.waiting),
        version=version.version_text(),
        node=f"{settings.tcp_host}:{settings.tcp_port}",
        language=settings.language,
    )
    metrics = parts.status.metrics
    metrics.look_at(sources)
    application = Application(sources, metrics, StatusPage(sources, parts.status.incidents))
    return StatusServer(clock, settings.status_host, settings.status_port, application)
