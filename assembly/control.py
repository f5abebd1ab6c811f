"""The control socket: what its clients may see of the running bot, and have it do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import config
from assembly.parts import Parts
from assembly.questions import limits
from meshbot import version
from meshbot.commands import Command, translator
from meshbot.control import (
    LANGUAGES,
    ControlServer,
    Desk,
    DeskParts,
    Reloaded,
    ServedNode,
    node_figures,
    service_socket,
    serving,
    socket_path,
)
from meshbot.mesh_link import report_of
from meshbot.runtime import read_process


def control(
    parts: Parts,
    commands: Sequence[Command],
    reload: Callable[[], Reloaded] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ControlServer:
    """Return the thread that answers on the control socket."""
    settings, link = parts.settings, parts.link
    desk = DeskParts(
        parts.clock,
        commands,
        lambda: limits(parts.settings),
        {language: translator(language) for language in LANGUAGES},
        settings.language,
        parts.memory,
        link.channels,
        lambda: link.interface() is not None,
        lambda: status(parts),
        parts.sender.tell,
        lambda: parts.settings.telegram_max_bytes,
        lambda: parts.settings.bridge_ttl,
        reload,
    )
    node = ServedNode(os.getpid(), settings.tcp_host, settings.tcp_port)
    return ControlServer(parts.clock, socket_path(settings.data_dir, environ), node, Desk(desk))


def serving_bot(settings: config.Settings, environ: Mapping[str, str] = os.environ) -> ServedNode | None:
    """Return the service's bot if it serves the node of these settings, and is not to be this process."""
    if environ.get("RUNTIME_DIRECTORY"):
        return None
    return serving([service_socket()], settings.tcp_host, settings.tcp_port)


def status(parts: Parts) -> dict[str, Any]:
    """Return the running bot in figures; durations in seconds. Its names are an interface: scripts rely on them."""
    settings, link, sender = parts.settings, parts.link, parts.sender
    counts, tally, interface = parts.nodes.counts(), parts.custody.tally(), link.interface()
    process = read_process()
    report = None if interface is None else report_of(interface)
    kind = "postgresql" if settings.database_url.get_secret_value() else "sqlite"
    return {
        "version": version.version_text(),
        "pid": os.getpid(),
        "memory": None if process is None else process.memory,
        "data_dir": str(settings.data_dir.absolute()),
        "host": settings.tcp_host,
        "port": settings.tcp_port,
        "link": _link(parts),
        "node": None if report is None else node_figures(report),
        "queue": {"waiting": sender.waiting, "holding": sender.holding},
        "nodes": counts.nodes,
        "keys": {
            "trusted": counts.keys,
            "pending": counts.pending,
            "in_radio": None if tally is None else tally.held,
            "lacking": None if tally is None else tally.lacking,
            "different": None if tally is None else tally.different,
        },
        "database": {
            "kind": "none" if parts.database is None else kind,
            "works": parts.database is not None and parts.database.works,
        },
        "telegram": bool(settings.telegram_token.get_secret_value()),
    }


def _link(parts: Parts) -> dict[str, Any]:
    figures = parts.link.figures()
    is_up = parts.link.interface() is not None
    state = "locked" if parts.link.is_locked() else "ready" if is_up else "down"
    return {
        "state": state,
        "ready_for": _seconds(figures.ready_for),
        "down_for": _seconds(figures.down_for),
        "reconnections_hour": figures.last_hour,
        "reconnections_day": figures.last_day,
        "last_outage": _seconds(figures.last_outage),
        "since_outage": _seconds(figures.since_outage),
        "round_trip": None if figures.round_trip is None else round(figures.round_trip, 4),
    }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
