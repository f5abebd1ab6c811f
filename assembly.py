"""The parts as the settings want them: what each needs to know of the configuration stands here."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import config
from custody_assembly import custody_takers, custody_writer
from meshbot import mesh_link, persistence, sending, storage, version
from meshbot.commands import (
    Access,
    Command,
    CommandLimits,
    Dispatcher,
    MailNotices,
    MeshRoles,
    MessageFilter,
    RateLimiter,
    Registry,
    builtin,
    node_list,
    report_moved,
    short_name_of,
    taught_by,
    translator,
)
from meshbot.mesh_memory import MeshMemory
from meshbot.nodes import KeyCustody, LookAtKeys, NodeActivity
from meshbot.persistence import HandledBefore, Housekeeping, recall_texts
from meshbot.radio_backup import NightlyBackup
from meshbot.runtime import Clock, DatabaseFailed, DiskCheck, Report, Service, read_host, unreported
from meshbot.storage import Database
from meshbot.web import ChatClient, ChatServer, HttpClient, MeteoServers, OpenMeteo
from node_manager import NodeManager
from tcp_interface_manager import LinkTakers

if TYPE_CHECKING:
    from meshbot.telegram_bot import TelegramOptions, TelegramService

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
TELEGRAM_LISTS: Final = ("telegram_users", "telegram_groups", "telegram_bridges", "telegram_alert_chats")


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

    def __post_init__(self) -> None:
        """Make what keeps our numbers, the commands that have run, of admins and of others, and what waits to go."""
        database, guard = self.database, persistence.ReplayGuard
        admins, others = [storage.ReplayStore(database, of_admins=each) if database else None for each in (True, False)]
        self.replay_guards = guard(admins, self.clock), guard(others, self.clock, persistence.KEPT_OF_ALL)
        self.queue_writer = queue_writer(self.database, self.clock, self.sender)
        self.own_node = persistence.OwnNodeHistory(self.database, self.clock, self.report)

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
    listed = node_list(node for nodes_of in listed_nodes(settings).values() for node in nodes_of)

    def activity() -> NodeActivity:
        with_mail = memory.mailbox.correspondents()
        return NodeActivity(
            memory.activity(), {*listed.numbers, *nodes.with_key(listed.has_key), *with_mail, own_num()}
        )

    nodes.set_activity(activity, own_num)
    return memory


def listed_nodes(settings: config.Settings) -> dict[str, tuple[str, ...]]:
    """Return the nodes that each setting lists."""
    of_telegram = tuple(node for line in settings.telegram_users for node in line.split()[2:])
    admins, known = settings.admin_nodes, settings.known_nodes
    return {"admin_nodes": admins, "known_nodes": known, "telegram_users": of_telegram}


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


def limits(settings: config.Settings) -> CommandLimits:
    """Return the bounds of the commands' work."""
    workers, slow_workers = settings.command_workers, settings.command_slow_workers
    return CommandLimits(workers, slow_workers, settings.command_timeout, settings.answer_ttl)


def send_queue(settings: config.Settings, clock: Clock, cures: sending.KeyCures) -> sending.SendQueue:
    """Return an empty outbox with the lifetimes of each kind of text."""
    lifetimes = {
        sending.Priority.ANSWER: settings.answer_ttl,
        sending.Priority.MAIL: settings.mail_ttl,
        sending.Priority.BRIDGE: settings.bridge_ttl,
        sending.Priority.ALERT: settings.alert_ttl,
    }
    return sending.SendQueue(
        settings.send_interval,
        settings.answer_max_bytes,
        sending.new_packet_id,
        lifetimes,
        sending.ChannelHold(settings.channel_utilization_limit),
        sending.AirBudget(settings.air_time_limit),
        # above the numbers that earlier processes gave
        sending.QueueRows(int(clock.now().timestamp() * 1000)),
        cures,
    )


def commands(parts: Parts, reconnect: Callable[[], None]) -> tuple[Command, ...]:
    """Return the commands that the settings ask for, in the order in which help lists them."""
    clock, memory, link = parts.clock, parts.memory, parts.link
    return (
        builtin.HELP,
        builtin.ping_command(link.figures),
        *mesh_commands(memory, clock),
        builtin.trace_command(memory, parts.tracer, link.own_num),
        builtin.mail_command(memory.mailbox, memory, clock, link.own_num),
        *operator_commands(parts, reconnect),
        *online_commands(parts.settings, clock),
    )


def mesh_commands(memory: MeshMemory, clock: Clock) -> tuple[Command, ...]:
    """Return the commands about what the bot remembers of the mesh."""
    return (
        builtin.nodes_command(memory, clock),
        builtin.info_command(memory, clock),
        builtin.my_command(memory, clock),
        builtin.stats_command(memory, clock),
        builtin.neighbors_command(memory),
        builtin.propag_command(memory),
    )


def operator_commands(parts: Parts, reconnect: Callable[[], None]) -> tuple[Command, ...]:
    """Return the commands about the bot itself, its link and its node."""
    settings, nodes, memory, sender = parts.settings, parts.nodes, parts.memory, parts.sender
    teach = taught_by(parts.custody.teach)
    return (
        builtin.status_command(
            parts.link,
            lambda: sender.waiting,
            nodes.counts,
            parts.own_node.former,
            parts.clock,
            radio=parts.custody,
            version=version.version_text(),
        ),
        builtin.keys_command(nodes, memory, parts.link.interface, parts.clock, tally=parts.custody.tally, teach=teach),
        builtin.echo_command(
            parts.clock,
            sender.tell,
            lambda: sender.holding,
            lambda num: short_name_of(memory, num),
            builtin.EchoOptions(settings.echo_channel, sender.text_limit, settings.answer_ttl),
        ),
        builtin.sys_command(lambda: read_host(settings.data_dir)),
        builtin.sync_command(nodes, parts.link.interface, parts.custody.tally),
        builtin.trust_command(builtin.Deciding(nodes, memory, parts.link.interface, teach)),
        builtin.reconnect_command(reconnect),
        builtin.reboot_command(parts.link.interface),
    )


def online_commands(settings: config.Settings, clock: Clock) -> tuple[Command, ...]:
    """Return /weather and /rain unless their service has no address, /bot if its server has one."""
    http, commands = HttpClient(clock, trust_environment=settings.web_trust_environment), list[Command]()
    if settings.weather_url and settings.geocoding_url:
        servers = MeteoServers(settings.weather_url, settings.geocoding_url, settings.language)
        client, place = OpenMeteo(http, clock, servers), settings.weather_place
        commands += [builtin.weather_command(client, place), builtin.rain_command(client, place)]
    if settings.bot_url:
        server = ChatServer(
            url=settings.bot_url,
            model=settings.bot_model,
            system_prompt=settings.bot_system_prompt,
            max_tokens=settings.bot_max_tokens,
            timeout=settings.bot_timeout,
            api_key=settings.bot_api_key,
        )
        bounds = settings.bot_max_bytes, settings.bot_timeout, settings.bot_hourly_limit
        commands.append(builtin.bot_command(ChatClient(http, server), clock, *bounds))
    return tuple(commands)


def telegram(
    parts: Parts, commands: Sequence[Command], keep: Callable[[persistence.UpdatesHandled], object] | None
) -> TelegramService | None:
    """Return the Telegram side if there is a token; `keep` saves handled updates, None: there is no database."""
    settings = parts.settings
    if not settings.telegram_token.get_secret_value():
        if unused := [name for name in TELEGRAM_LISTS if getattr(settings, name)]:
            LOGGER.warning("⚠️ Telegram reste éteint: %s sans telegram_token", ", ".join(unused))
        return None
    from meshbot.telegram_bot import TelegramDependencies, TelegramService  # noqa: PLC0415 - 20 MB that most do not need

    link, send, of_nodes = parts.link, parts.sender.tell, (parts.nodes.numbers, parts.nodes.with_key)
    dependencies = TelegramDependencies(
        parts.clock,
        commands,
        limits(settings),
        parts.memory,
        link.own_num,
        send,
        keep,
        *of_nodes,
        link.channels,
        parts.nodes.public_key,
    )
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
        settings.telegram_commands,
        settings.telegram_seconds,
        settings.data_dir,
        settings.answer_on_channels,
        settings.echo_channel,
        settings.answer_ttl,
    )


def queue_writer(database: Database | None, clock: Clock, sender: sending.MeshSender) -> persistence.QueueWriter | None:
    """Return what keeps what waits to go on air, and gives it back to the sender, if there is a database."""
    if database is None:
        return None
    return persistence.QueueWriter(
        storage.OutboxStore(database), clock, lambda waiting: sender.tell(sending.RestoredQueue(waiting))
    )


def update_writer(
    settings: config.Settings, database: Database | None, clock: Clock, restore: Callable[[HandledBefore], object]
) -> persistence.UpdateWriter | None:
    """Return what keeps the Telegram side from acting twice, if there are that side and a database."""
    bot = settings.telegram_token.get_secret_value().partition(":")[0]
    store = storage.UpdateStore(database, int(bot)) if database and bot else None
    return persistence.UpdateWriter(store, clock, restore) if store else None


def housekeeping(parts: Parts, telegram: Service | None, route: Callable[[Any], object]) -> Housekeeping:
    """Return the thread that waits for the disk, with all that it writes; `route` puts into the router's inbox."""
    settings, clock, database, sender = parts.settings, parts.clock, parts.database, parts.sender
    memory, nodes, tr = parts.memory, parts.nodes, translator(settings.language)
    notices = MailNotices(memory.mailbox, memory, clock, sender.tell, tr, old_number=nodes.silent_number)
    updates = None if telegram is None else update_writer(settings, database, clock, telegram.tell)
    check, stored = disk_check(settings, parts.report), (parts.nodes, parts.memory)
    nightly = NightlyBackup(settings.data_dir, settings.radio_backup_passphrase, clock, parts.link.interface)
    keeper = custody_writer(database, clock, parts.custody)
    of_custody = custody_takers(parts.custody, keeper, parts.nodes)
    of_own_node: persistence.Takers = {mesh_link.OwnNode: (parts.own_node.take,)}
    writers = updates, parts.queue_writer, parts.own_node, keeper, *stored, *parts.replay_guards
    housekeeping = Housekeeping(
        clock,
        tuple(filter(None, writers)),
        {**takers(*stored, notices, parts.queue_writer, updates), **of_own_node, **of_custody},
        (check, lambda: parts.nodes.restore_keys(parts.link.interface()), nightly.look),
        after_load=(
            check,
            lambda: recall_texts(database, mesh_link.TEXT_PORTNUMS, lambda keys: route(mesh_link.SeenTexts(keys))),
            lambda: parts.nodes.import_node_names(settings.node_names_file),
            lambda: parts.nodes.sync_after_load(parts.link.interface()),
            lambda: report_moved(listed_nodes(settings), parts.nodes),
        ),
    )
    if database is not None:
        database.on_change = housekeeping.wake
    return housekeeping


def route_reports(
    reports: sending.ReportRouter, parts: Parts, housekeeping: Housekeeping, telegram: Service | None
) -> None:
    """Have what becomes of each text reported to the part that it came from."""
    ttl, tr = parts.settings.answer_ttl, translator(parts.settings.language)
    reports.route(sending.EchoOrigin, builtin.EchoReports(parts.clock, parts.sender.tell, tr, ttl).on_delivery_report)
    reports.route(sending.MailNoticeOrigin, housekeeping.tell)
    if telegram is not None:
        reports.route(sending.TelegramOrigin, telegram.tell)


def dispatcher(parts: Parts, commands: Sequence[Command], telegram: TelegramService | None) -> Dispatcher:
    """Return the thread that answers texts from the mesh."""
    settings = parts.settings
    roles = MeshRoles(node_list(settings.admin_nodes), node_list(settings.known_nodes))
    limiter = RateLimiter(settings.rate_limit_commands, settings.rate_limit_seconds)
    return Dispatcher(
        parts.clock,
        Registry(commands),
        MessageFilter(settings.answer_on_channels, settings.command_max_age, refuse_mqtt=settings.refuse_mqtt),
        Access(roles, parts.nodes, limiter, *parts.replay_guards),
        translator(settings.language),
        limits(settings),
        parts.sender.tell,
        parts.sender.answer_at,
        None if telegram is None else telegram.is_awaited,
        parts.sender.text_limit,
    )


def packet_takers(
    parts: Parts, housekeeping: Housekeeping, dispatcher: Dispatcher, telegram: Service | None
) -> mesh_link.PacketTakers:
    """Return who takes which packets."""
    return mesh_link.PacketTakers(
        records=(housekeeping.offer, parts.custody.packet_heard),
        channel_load=(parts.sender.tell,),
        node_infos=(housekeeping.offer, parts.custody.offer),
        routing_answers=(parts.sender.tell, parts.tracer.routing_answer, parts.custody.answer_heard),
        traceroutes=(parts.tracer.traceroute_reply,),
        # who proves a key by a message has its role for that message
        texts=(parts.nodes.hear_text, dispatcher.offer, parts.custody.text_heard),
        channel_texts=() if telegram is None else (telegram.offer,),
        direct_texts=() if telegram is None else (telegram.offer,),
    )


def link_takers(
    parts: Parts,
    housekeeping: Housekeeping,
    start_sync: Callable[[mesh_link.LinkReady], object],
    pubkey_sync: mesh_link.PubkeySync,
    telegram: Service | None,
) -> LinkTakers:
    """Return who takes what happens to the link; `start_sync` has the public keys synced."""
    return LinkTakers(
        node_database=housekeeping.tell,
        change=parts.sender.tell,
        ready=start_sync,
        lost=(pubkey_sync.cancel, parts.custody.link_lost),
        fetched=lambda: housekeeping.tell(LookAtKeys()),
        own_node=housekeeping.tell,
        queue_status=(parts.sender.tell, parts.tracer.queue_status),
        client_warning=(parts.tracer.client_warning,),
        channels=() if telegram is None else (telegram.tell,),
    )


def target(settings: config.Settings) -> mesh_link.LinkTarget:
    """Return where the node is, and the socket's bounds."""
    return mesh_link.LinkTarget(
        settings.tcp_host,
        settings.tcp_port,
        connect_timeout=settings.tcp_connect_timeout,
        send_timeout=settings.tcp_send_timeout,
        user_timeout=settings.tcp_user_timeout,
    )


def machine(settings: config.Settings) -> mesh_link.LinkMachine:
    """Return a stopped link machine."""
    times = mesh_link.LinkTimes(
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
    backoff = mesh_link.Backoff(settings.tcp_interface_cleanup_delay, lambda: random.uniform(-1, 1))  # noqa: S311 - jitter
    return mesh_link.LinkMachine(times, backoff)
