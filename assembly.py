"""The parts as the settings want them: what each needs to know of the configuration stands here."""

from __future__ import annotations

import logging
import random
import secrets
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import config
from meshbot.commands import Access, Command, CommandLimits, MeshRoles, RateLimiter, ReplayMemory, node_numbers
from meshbot.commands.builtin import (
    HELP,
    BotParts,
    OperatorOptions,
    bot_command,
    mail_command,
    mesh_commands,
    operator_commands,
    ping_command,
    rain_command,
    trace_command,
    weather_command,
)
from meshbot.mesh_link import Backoff, LinkMachine, LinkTarget, LinkTimes
from meshbot.mesh_memory import MeshMemory
from meshbot.persistence import HandledBefore, UpdatesHandled, UpdateWriter
from meshbot.runtime import Clock, DatabaseTrouble, DiskWatch, Report, Service, unreported
from meshbot.sending import OutgoingText, Priority, SendQueue, Tracer
from meshbot.storage import Database, NodeStore, StorageError, UpdateStore, database_of
from meshbot.web import ChatClient, ChatServer, HttpClient, MeteoServers, OpenMeteo
from node_manager import NodeManager

if TYPE_CHECKING:
    from meshbot.telegram_bot import TelegramOptions

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
TELEGRAM_LISTS: Final = ("telegram_users", "telegram_groups", "telegram_bridges", "telegram_alert_chats")


def open_storage(
    settings: config.Settings, clock: Clock, report: Report = unreported
) -> tuple[Database | None, NodeManager]:
    """Prepare the database, which is opened when it can be: the bot answers before that too."""
    database = None
    try:
        database = database_of(settings.database_url.get_secret_value(), settings.data_dir, clock, report)
    except StorageError as exc:
        report(DatabaseTrouble(str(exc)))
        error_print("❌ Base de données: %s. Ce qui est appris sera perdu à l'arrêt", exc)
    manager = NodeManager(NodeStore(database) if database else None, clock, report)
    manager.import_node_names(settings.node_names_file)
    return database, manager


def memory(
    settings: config.Settings,
    database: Database | None,
    nodes: NodeManager,
    clock: Clock,
    own_num: Callable[[], int],
) -> MeshMemory:
    """Return what the mesh said and did, as long as the settings want it kept."""
    return MeshMemory(database, nodes, clock, own_num, settings.packet_retention_days, mail_ttl=settings.mail_ttl)


def disk_check(settings: config.Settings, report: Report) -> Callable[[], None]:
    """Return a look at the space left in the data folder, which may wait for the disk and raises nothing."""
    watch = DiskWatch(settings.disk_alert_percent / 100)

    def look() -> None:
        try:
            usage = shutil.disk_usage(settings.data_dir)
        except OSError as exc:  # not made yet, or gone: the database says so
            LOGGER.debug("Place sur le disque inconnue: %s", exc)
            return
        if incident := watch.look(
            usage.free, usage.used + usage.free
        ):  # as df: what is kept for root counts neither way
            report(incident)

    return look


def limits(settings: config.Settings) -> CommandLimits:
    """Return the bounds of the commands' work."""
    return CommandLimits(
        workers=settings.command_workers,
        slow_workers=settings.command_slow_workers,
        timeout=settings.command_timeout,
        answer_ttl=settings.answer_ttl,
    )


def outbox(settings: config.Settings, clock: Clock) -> SendQueue:
    """Return an empty outbox with the lifetimes of each kind of text."""
    lifetimes = {
        Priority.ANSWER: settings.answer_ttl,
        Priority.MAIL: settings.mail_ttl,
        Priority.BRIDGE: settings.bridge_ttl,
        Priority.ALERT: settings.alert_ttl,
    }
    return SendQueue(
        settings.send_interval,
        settings.answer_max_bytes,
        new_packet_id,
        lifetimes,
        settings.channel_utilization_limit,
        first_row=int(clock.now().timestamp() * 1000),  # above the numbers that earlier processes gave
    )


def access(settings: config.Settings, nodes: NodeManager, orders: ReplayMemory) -> Access:
    """Return who may ask what."""
    roles = MeshRoles(node_numbers(settings.admin_nodes), node_numbers(settings.known_nodes))
    return Access(roles, nodes, RateLimiter(settings.rate_limit_commands, settings.rate_limit_seconds), orders)


def commands(
    settings: config.Settings, parts: BotParts, memory: MeshMemory, tracer: Tracer, own_num: Callable[[], int]
) -> tuple[Command, ...]:
    """Return what the settings ask for, in the order in which help lists it."""
    return (
        HELP,
        ping_command(parts.link_figures),
        *mesh_commands(memory, parts.clock),
        trace_command(memory, tracer, own_num),
        mail_command(memory, parts.clock, own_num),
        *operator_commands(parts, operator_options(settings)),
        *online_commands(settings, parts.clock),
    )


def operator_options(settings: config.Settings) -> OperatorOptions:
    """Return what the settings say of the operator's commands."""
    return OperatorOptions(settings.answer_ttl, settings.echo_channel, settings.answer_max_bytes, settings.data_dir)


def online_commands(settings: config.Settings, clock: Clock) -> tuple[Command, ...]:
    """Return /weather and /rain unless their service has no address, /bot if its server has one."""
    http = HttpClient(clock, trust_environment=settings.web_trust_environment)
    commands: list[Command] = []
    if settings.weather_url and settings.geocoding_url:
        servers = MeteoServers(settings.weather_url, settings.geocoding_url, settings.language)
        client = OpenMeteo(http, clock, servers)
        commands += [weather_command(client, settings.weather_place), rain_command(client, settings.weather_place)]
    if settings.bot_url:
        assistant = ChatClient(http, _chat_server(settings))
        commands.append(bot_command(assistant, clock, settings.bot_max_bytes, settings.bot_timeout))
    return tuple(commands)


def _chat_server(settings: config.Settings) -> ChatServer:
    return ChatServer(
        url=settings.bot_url,
        model=settings.bot_model,
        system_prompt=settings.bot_system_prompt,
        max_tokens=settings.bot_max_tokens,
        timeout=settings.bot_timeout,
        api_key=settings.bot_api_key,
    )


def telegram(
    settings: config.Settings,
    clock: Clock,
    commands: Sequence[Command],
    memory: MeshMemory,
    own_num: Callable[[], int],
    *,
    send_text: Callable[[OutgoingText], object],
    keep: Callable[[UpdatesHandled], object] | None,
) -> Service | None:
    """Return the Telegram side if there is a token; `keep` saves handled updates, None: there is no database."""
    if not settings.telegram_token.get_secret_value():
        _say_what_waits_for_a_token(settings)
        return None
    from meshbot.telegram_bot import TelegramDependencies, TelegramService  # noqa: PLC0415 - 20 MB that most do not need

    dependencies = TelegramDependencies(clock, commands, limits(settings), memory, own_num, send_text, keep)
    return TelegramService(telegram_options(settings), dependencies)


def telegram_options(settings: config.Settings) -> TelegramOptions:
    """Return the settings of the Telegram side."""
    from meshbot.telegram_bot import TelegramOptions  # noqa: PLC0415 - the same

    return TelegramOptions(
        settings.telegram_token,
        settings.telegram_base_url,
        settings.web_trust_environment,
        settings.language,
        settings.telegram_users,
        settings.telegram_groups,
        settings.telegram_bridges,
        settings.telegram_alert_chats,
        settings.telegram_command_max_age,
        settings.telegram_max_bytes,
        settings.bridge_ttl,
        settings.rate_limit_commands,
        settings.rate_limit_seconds,
        settings.data_dir,
    )


def _say_what_waits_for_a_token(settings: config.Settings) -> None:
    if names := [name for name in TELEGRAM_LISTS if getattr(settings, name)]:
        LOGGER.warning("⚠️ Telegram reste éteint: %s sans telegram_token", ", ".join(names))


def update_keeper(
    settings: config.Settings, database: Database | None, clock: Clock, tell: Callable[[HandledBefore], object]
) -> UpdateWriter | None:
    """Return what keeps the Telegram side from acting twice, if there are that side and a database."""
    bot = settings.telegram_token.get_secret_value().partition(":")[0]
    if database is None or not bot:
        return None
    return UpdateWriter(UpdateStore(database, int(bot)), clock, tell)


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
