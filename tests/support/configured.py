"""Parts with the defaults of config.py, where a test does not say otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

import config
from meshbot.commands.executor import CommandLimits
from meshbot.commands.roles import NO_NODES, MeshRoles, NodeList
from meshbot.mesh_link.connecting import LinkTarget
from meshbot.mesh_link.states import LinkTimes
from meshbot.mesh_memory.memory import MeshMemory
from meshbot.persistence.replay_guard import KEPT_OF_ALL, ReplayGuard
from meshbot.runtime.clock import Clock
from meshbot.runtime.incidents import Report, unreported
from meshbot.sending.air_budget import AirBudget
from meshbot.sending.channel_load import ChannelHold
from meshbot.sending.outgoing import Priority
from meshbot.sending.queue import SendQueue
from meshbot.sending.queue_rows import QueueRows
from meshbot.storage.database import Database
from meshbot.storage.nodes import NodeStore
from node_manager import NodeManager
from tests.support.fake_clock import FakeClock

ALL_THE_TIME: Final = 100.0  # percent: the budget of air time has tests of its own
LIFETIMES: Final[Mapping[Priority, float]] = {
    Priority.ANSWER: config.ANSWER_TTL,
    Priority.MAIL: config.MAIL_TTL,
    Priority.BRIDGE: config.BRIDGE_TTL,
    Priority.ALERT: config.ALERT_TTL,
}


def make_times(**changes: float) -> LinkTimes:
    return LinkTimes(**{f.name: getattr(config, f"TCP_{f.name.upper()}") for f in fields(LinkTimes)} | changes)


def make_target(host: str, port: int, **changes: float) -> LinkTarget:
    bounds = {name: getattr(config, f"TCP_{name.upper()}") for name in ("connect_timeout", "send_timeout")}
    return LinkTarget(host, port, **bounds | {"user_timeout": config.TCP_USER_TIMEOUT} | changes)


def make_limits() -> CommandLimits:
    return CommandLimits(config.COMMAND_WORKERS, config.COMMAND_SLOW_WORKERS, config.COMMAND_TIMEOUT, config.ANSWER_TTL)


def make_send_queue(interval: float, limit: int, new_id: Callable[[], int], **changes: Any) -> SendQueue:
    hold = ChannelHold(changes.pop("utilization_limit", config.CHANNEL_UTILIZATION_LIMIT))
    air = AirBudget(changes.pop("air_time_limit", ALL_THE_TIME))
    rows = QueueRows(changes.pop("first_row", 1))
    return SendQueue(interval, limit, new_id, changes.pop("lifetimes", LIFETIMES), hold, air, rows)


def make_node_manager(store: NodeStore | None, clock: Clock, report: Report = unreported) -> NodeManager:
    """Return one that has read its store, as Housekeeping makes it do."""
    manager = NodeManager(store, clock, report)
    manager.flush()
    return manager


def make_memory(
    database: Database | None,
    manager: NodeManager,
    clock: Clock,
    own_num: Callable[[], int],
    retention_days: int = config.PACKET_RETENTION_DAYS,
    mail_ttl: float = config.MAIL_TTL,
) -> MeshMemory:
    """Return one that has read its database, as Housekeeping makes it do."""
    memory = MeshMemory(database, manager, clock, own_num, retention_days, mail_ttl=mail_ttl)
    memory.flush()
    return memory


def replay_guards() -> tuple[ReplayGuard, ReplayGuard]:
    """Without a database: of admins, of all others."""
    return ReplayGuard(None, FakeClock()), ReplayGuard(None, FakeClock(), KEPT_OF_ALL)


def make_roles(
    *, admins: frozenset[int] = frozenset(), known: frozenset[int] = frozenset(), admin_list: NodeList = NO_NODES
) -> MeshRoles:
    return MeshRoles(admin_list or NodeList(admins), NodeList(known))
