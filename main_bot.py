"""MeshBot: builds the parts, starts them in order, stops them in reverse."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

if __name__ == "__main__":  # the imports take a second
    from meshbot.runtime import end_quietly

    end_quietly()

import assembly
import config
from meshbot.commands import Command, Dispatcher, MailNotices, MessageFilter, Registry, translator
from meshbot.commands.builtin import EchoReports
from meshbot.mesh_link import (
    ClientWarning,
    DeviceMetrics,
    Generation,
    LinkAlert,
    LinkReady,
    MeshTCPInterface,
    NodeDatabase,
    NodeInfoPacket,
    PacketRecord,
    QueueStatus,
    RawPacket,
    RoutingAnswer,
    TextMessage,
    TracerouteReply,
)
from meshbot.persistence import Housekeeping, QueueChanges
from meshbot.runtime import (
    Clock,
    FolderInUseError,
    IncidentBus,
    Service,
    Supervisor,
    SystemClock,
    catch_signals,
    lock_folder,
    log,
    notify,
    watchdog_interval,
)
from meshbot.sending import (
    AfterAnswer,
    ChannelLoad,
    EchoOrigin,
    LinkChange,
    MailNoticeOrigin,
    MeshSender,
    OutgoingText,
    ReportRouter,
    SavedOutbox,
    TelegramOrigin,
    Tracer,
)
from tcp_interface_manager import TCPInterfaceManager

__version__ = "0.1.0"
LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
PUBKEY_SYNC_JOIN = 0.5  # seconds; a waiting sync ends at once, a running one is nearly done
EXIT_IN_USE = 75  # EX_TEMPFAIL: systemd tries again, the other one may be on its way out
STOP_GRACE = 2.0  # seconds for all threads together; with what surrounds it, the promised 3 hold


class MeshBot:
    """Owns the interface and every thread; knows what each part needs and nothing of how it works."""

    TCP_PUBKEY_SYNC_DELAY: float = config.TCP_PUBKEY_SYNC_DELAY

    def __init__(
        self,
        settings: config.Settings,
        clock: Clock | None = None,
        requests: SimpleQueue[Any] | None = None,
        commands: Sequence[Command] | None = None,
    ) -> None:
        """Build everything; nothing runs until `run`. `requests` may hold a reason to stop already.

        `commands` are those that the settings ask for, unless others are given.
        """
        self._clock = clock or SystemClock()
        self._requests: SimpleQueue[Any] = requests or SimpleQueue()
        self.TCP_PUBKEY_SYNC_DELAY = settings.tcp_pubkey_sync_delay
        self.incidents = IncidentBus()
        self._database, self.node_manager = assembly.open_storage(settings, self._clock, self.incidents.report)
        self._own_num = 0  # until the first READY
        self.memory = assembly.memory(settings, self._database, self.node_manager, self._clock, lambda: self._own_num)
        self._replay_guard = assembly.replay_guard(self._database, self._clock)
        self._ready_generation: Generation | None = None
        self._pubkey_sync: tuple[threading.Thread, SimpleQueue[str]] | None = None
        self._housekeeping = self._make_housekeeping(settings)
        self._fates = ReportRouter()
        self._fates.route(MailNoticeOrigin, self._housekeeping.tell)
        echoes = EchoReports(self._clock, self.send_text, translator(settings.language), settings.answer_ttl)
        self._fates.route(EchoOrigin, echoes.on_delivery_report)
        self._sender = MeshSender(
            self._clock,
            assembly.outbox(settings, self._clock),
            lambda: self.interface,
            save=lambda changes: self._housekeeping.tell(QueueChanges(changes)),
            listener=self._fates,
        )
        self._tracer = Tracer(self._clock, self._sender.tell, assembly.new_packet_id)
        self._tcp = TCPInterfaceManager(
            assembly.target(settings), assembly.machine(settings), self._clock, self, self.incidents.report
        )
        self.commands = self._commands(settings) if commands is None else commands
        self._dispatcher = self._make_dispatcher(settings)
        self._telegram = self._make_telegram(settings)
        # in starting order: whoever is told something runs before whoever tells it; the link comes last and goes first
        told = (self._sender, self._telegram, self._dispatcher, self._tcp)
        others = tuple(service for service in told if service is not None)
        self._services = (self._housekeeping, *others)
        self._housekeeping.watch(others)
        self.supervisor = Supervisor(self._services, self._clock, STOP_GRACE, self._requests)

    def _make_housekeeping(self, settings: config.Settings) -> Housekeeping:
        clock, database = self._clock, self._database
        notices = MailNotices(self.memory.mailbox, self.memory, clock, self.send_text, translator(settings.language))
        outbox = assembly.queue_writer(database, clock, lambda parts: self._sender.tell(SavedOutbox(parts)))
        updates = assembly.update_writer(settings, database, clock, self._tell_telegram)
        keys = assembly.key_upkeep(self.node_manager, lambda: self.interface)
        return Housekeeping(
            clock,
            assembly.writers(updates, outbox, self.node_manager, self.memory, self._replay_guard),
            assembly.takers(self.node_manager, self.memory, notices, outbox, updates),
            (assembly.disk_check(settings, self.incidents.report), keys),
            watchdog_interval(),
        )

    def _make_dispatcher(self, settings: config.Settings) -> Dispatcher:
        return Dispatcher(
            self._clock,
            Registry(self.commands),
            MessageFilter(settings.answer_on_channels, settings.command_max_age, refuse_mqtt=settings.refuse_mqtt),
            assembly.access(settings, self.node_manager, self._replay_guard),
            translator(settings.language),
            assembly.limits(settings),
            sinks=self,
        )

    def _tell_telegram(self, message: object) -> None:
        if self._telegram is not None:
            self._telegram.tell(message)

    @property
    def interface(self) -> MeshTCPInterface | None:
        """The current READY interface, or None; ask each time and keep no copy."""
        return self._tcp.interface

    def run(self) -> int:
        """Run until a signal, a request or a crash; return the exit code."""
        notify("STATUS=Connexion au nœud")
        reason = self.supervisor.run(lambda: notify("READY=1"))
        notify("STOPPING=1")
        self._end_pubkey_sync()
        self._tracer.stop()
        if self._database is not None and not self.supervisor.stuck:
            self._database.close()
        crashed = isinstance(reason, BaseException)
        info_print("🛑 Arrêt: %s", f"{type(reason).__name__}" if crashed else getattr(reason, "name", reason))
        return 1 if crashed else 0

    def stop(self) -> None:
        """Ask `run` to end; returns at once."""
        self._requests.put("demandé")

    def _reconnect_tcp_interface(self) -> None:
        """Ask for a reconnection; returns at once."""
        self._tcp.request_reconnection()

    def _commands(self, settings: config.Settings) -> tuple[Command, ...]:
        parts = assembly.BotParts(
            self._clock,
            self.node_manager,
            self.memory,
            lambda: self.interface,
            lambda: self._tcp.figures,
            lambda: self._sender.waiting,
            lambda: self._sender.holding,
            self._reconnect_tcp_interface,
            self.send_text,
        )
        return assembly.commands(settings, parts, self.memory, self._tracer, lambda: self._own_num)

    def _make_telegram(self, settings: config.Settings) -> Service | None:
        telegram = assembly.telegram(
            settings,
            self._clock,
            self.commands,
            self.memory,
            lambda: self._own_num,
            send_text=self.send_text,
            keep=None if self._database is None else self._housekeeping.tell,
        )
        if telegram is not None:
            self._fates.route(TelegramOrigin, telegram.tell)
            self.incidents.listen(telegram.tell)
        return telegram

    # -- public keys, after every READY

    def _schedule_pubkey_sync(self, generation: Generation) -> None:
        delay = self.TCP_PUBKEY_SYNC_DELAY
        info_print("🔑 Synchronisation clés publiques programmée dans %ss...", delay)
        self._cancel_pubkey_sync()
        cancelled: SimpleQueue[str] = SimpleQueue()
        due = self._clock.monotonic() + delay

        def deferred_pubkey_sync() -> None:
            if self._cancelled_before(due, cancelled) or self._ready_generation != generation:
                LOGGER.debug("Synchronisation des clés annulée: le lien %d n'est plus", generation)
                return
            self._sync_pubkeys()

        thread = threading.Thread(target=deferred_pubkey_sync, daemon=True, name="TCP-PubkeySync")
        self._pubkey_sync = thread, cancelled
        thread.start()

    def _cancelled_before(self, due: float, cancelled: SimpleQueue[str]) -> bool:
        return self._clock.get(cancelled, due) is not None

    def _sync_pubkeys(self) -> None:
        """Do what the specification says, 15 s after READY; whatever fails is one log line."""
        try:
            info_print("🔑 Démarrage synchronisation clés publiques différée...")
            injected = self.node_manager.sync_pubkeys_to_interface(self.interface, force=True)
            if injected > 0:
                info_print("✅ %d clés publiques re-synchronisées", injected)
            else:
                info_print("ℹ️ Aucune clé à re-synchroniser")
        except Exception as sync_error:  # noqa: BLE001 - the specification's: a failed sync harms nothing else
            error_print("⚠️ Erreur re-sync clés: %s", sync_error)

    def _cancel_pubkey_sync(self) -> None:
        if self._pubkey_sync is not None:
            self._pubkey_sync[1].put("annulée")

    def _end_pubkey_sync(self) -> None:
        self._cancel_pubkey_sync()
        if self._pubkey_sync is not None:
            self._pubkey_sync[0].join(PUBKEY_SYNC_JOIN)

    # -- LinkOwner: on the thread TCP-Watchdog or one of the library's, so only inboxes are filled

    def link_ready(self, ready: LinkReady, interface: MeshTCPInterface) -> None:
        """See LinkOwner."""
        self._own_num = interface.own_num
        self._ready_generation = ready.generation
        self._housekeeping.tell(NodeDatabase(interface.take_records()))
        self._sender.tell(LinkChange(up=True, boots=interface.boots))
        self._schedule_pubkey_sync(ready.generation)
        notify("STATUS=Lien TCP prêt")

    def link_lost(self) -> None:
        """See LinkOwner."""
        self._ready_generation = None
        self._cancel_pubkey_sync()
        self._sender.tell(LinkChange(up=False))
        notify("STATUS=Lien TCP coupé, reconnexion en cours")

    def link_alert(self, alert: LinkAlert) -> None:
        """See LinkOwner."""
        notify(f"STATUS=Nœud injoignable depuis {alert.outage:.0f} s, {alert.failures} essais")

    def queue_status(self, status: QueueStatus) -> None:
        """See LinkOwner."""
        self._sender.tell(status)
        self._tracer.queue_status(status)

    def objection(self, objection: ClientWarning) -> None:
        """See LinkOwner."""
        self._tracer.objection(objection)

    def packet_received(self, heard: RawPacket) -> None:
        """See LinkOwner."""
        self._dispatcher.offer(heard)

    # -- PacketSinks

    def packet_heard(self, packet: PacketRecord) -> None:
        """See PacketSinks."""
        self._housekeeping.offer(packet)
        said = packet.said
        if packet.sender == self._own_num and isinstance(said, DeviceMetrics) and said.utilization is not None:
            self._sender.tell(ChannelLoad(said.utilization))

    def node_info_heard(self, heard: NodeInfoPacket) -> None:
        """See PacketSinks."""
        self._housekeeping.offer(heard)

    def routing_answer(self, answer: RoutingAnswer) -> None:
        """See PacketSinks."""
        self._sender.tell(answer)
        self._tracer.routing_answer(answer)

    def route_heard(self, route: TracerouteReply) -> None:
        """See PacketSinks."""
        self._tracer.route_heard(route)

    def text_heard(self, message: TextMessage) -> None:
        """See PacketSinks."""
        if self._telegram is not None:
            self._telegram.offer(message)

    def send_text(self, message: OutgoingText) -> None:
        """See PacketSinks."""
        self._sender.tell(message)

    def after_answer(self, order: AfterAnswer) -> None:
        """See PacketSinks."""
        self._sender.tell(order)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code: 0 asked to stop, 1 crashed, 75 data in use, 78 bad configuration."""
    options = _parser().parse_args(arguments)
    log.speak_utf8(sys.stdout, sys.stderr)
    if options.demo:
        from meshbot.demo import main as demo  # noqa: PLC0415 - the daemon never needs it

        return demo()
    try:
        settings = config.load(options.config)
    except config.ConfigError as error:
        for problem in error.problems:
            print(f"❌ {problem}", file=sys.stderr)
        return config.EXIT_CONFIG
    if options.check_config:
        print(config.effective(settings), end="")
        return 0
    return _run(settings)


def _run(settings: config.Settings) -> int:
    log.set_up(settings.log_level)
    log.mask(settings.secrets())
    info_print("🤖 MeshBot %s: nœud %s:%d", __version__, settings.tcp_host, settings.tcp_port)
    try:
        lock = lock_folder(settings.data_dir)
    except FolderInUseError as error:
        error_print("❌ %s", error)
        return EXIT_IN_USE
    requests: SimpleQueue[Any] = SimpleQueue()
    catch_signals(requests)  # before the database is opened: a stop must be heard from the start
    bot = MeshBot(settings, requests=requests)
    gc.freeze()  # what the imports made stays for good: full rounds of the collector need not look at it
    code = bot.run()
    if bot.supervisor.stuck:  # a thread in a call that nothing can end must not hold the exit
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)
    if lock is not None:
        os.close(lock)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="main_bot.py", description="MeshBot: a bot for a Meshtastic network.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML, see meshbot.toml.example")
    parser.add_argument("--check-config", action="store_true", help="print the settings in force and exit")
    parser.add_argument("--demo", action="store_true", help="try the bot on a virtual node, without a radio")
    parser.add_argument("--version", action="version", version=f"MeshBot {__version__}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
