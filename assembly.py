"""The parts as the settings want them: what each needs to know of the configuration stands here."""

from __future__ import annotations

import logging
import random
import secrets

import config
from commands.access import Access
from commands.jobs import CommandLimits
from commands.rate_limit import RateLimiter
from commands.roles import MeshRoles, node_numbers
from mesh_link.backoff import Backoff
from mesh_link.interface import LinkTarget
from mesh_link.machine import LinkMachine, LinkTimes
from mesh_link.outbox import Outbox
from mesh_link.outgoing import Priority
from node_manager import NodeManager
from runtime.clock import Clock
from storage.database import Database, database_of
from storage.errors import StorageError
from storage.nodes import NodeStore

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error


def open_storage(settings: config.Settings, clock: Clock) -> tuple[Database | None, NodeManager]:
    """Prepare the database, which is opened when it can be: the bot answers before that too."""
    database = None
    try:
        database = database_of(settings.database_url.get_secret_value(), settings.data_dir, clock)
    except StorageError as exc:
        error_print("❌ Base de données: %s. Ce qui est appris sera perdu à l'arrêt", exc)
    manager = NodeManager(NodeStore(database) if database else None, clock)
    manager.import_node_names(settings.node_names_file)
    return database, manager


def limits(settings: config.Settings) -> CommandLimits:
    """Return the bounds of the commands' work."""
    return CommandLimits(
        workers=settings.command_workers,
        slow_workers=settings.command_slow_workers,
        timeout=settings.command_timeout,
        answer_ttl=settings.answer_ttl,
    )


def outbox(settings: config.Settings, clock: Clock) -> Outbox:
    """Return an empty outbox with the lifetimes of each kind of text."""
    lifetimes = {
        Priority.ANSWER: settings.answer_ttl,
        Priority.MAIL: settings.mail_ttl,
        Priority.BRIDGE: settings.bridge_ttl,
        Priority.ALERT: settings.alert_ttl,
    }
    return Outbox(
        settings.send_interval,
        settings.answer_max_bytes,
        new_packet_id,
        lifetimes,
        settings.channel_utilization_limit,
        first_row=int(clock.now().timestamp() * 1000),  # above the numbers that earlier processes gave
    )


def access(settings: config.Settings, nodes: NodeManager) -> Access:
    """Return who may ask what."""
    roles = MeshRoles(node_numbers(settings.admin_nodes), node_numbers(settings.known_nodes))
    return Access(roles, nodes, RateLimiter(settings.rate_limit_commands, settings.rate_limit_seconds))


def new_packet_id() -> int:
    """Return a packet id: 32 random bits, never 0."""
    return secrets.randbits(32) or 1


def target(settings: config.Settings) -> LinkTarget:
    """Return where the node is, and the socket's bounds."""
    return LinkTarget(
        settings.tcp_host,
        settings.tcp_port,
        connect_timeout=settings.tcp_connect_timeout,
        send_timeout=settings.tcp_send_timeout,
        user_timeout=settings.tcp_user_timeout,
    )


def machine(settings: config.Settings) -> LinkMachine:
    """Return a stopped link machine."""
    times = LinkTimes(
        connect_timeout=settings.tcp_connect_timeout,
        config_timeout=settings.tcp_config_timeout,
        config_silence=settings.tcp_config_silence,
        close_timeout=settings.tcp_close_timeout,
        probe_after=settings.tcp_probe_after,
        probe_timeout=settings.tcp_probe_timeout,
        probe_misses=settings.tcp_probe_misses,
        silent_timeout=settings.tcp_silent_timeout,
        alert_after=settings.tcp_alert_after,
        stable_after=settings.tcp_stable_after,
    )
    return LinkMachine(times, Backoff(settings.tcp_interface_cleanup_delay, lambda: random.uniform(-1, 1)))  # noqa: S311 - jitter
