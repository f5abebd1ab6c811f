"""MeshBot: builds the parts, starts them in order, stops them in reverse."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

# The imports take a second, in which a Ctrl-C may come; `meshbot` is the script that a package installs
if __name__ == "__main__" or os.path.basename(sys.argv[0]) == "meshbot":  # noqa: PTH119 - pathlib takes its time too
    from meshbot.installation import explain_missing_libraries
    from meshbot.runtime import end_quietly, outlive_hangups

    outlive_hangups()
    end_quietly()
    explain_missing_libraries()

import assembly
import command_line
import config
from meshbot import cli
from meshbot.commands import Command
from meshbot.installation import outdated_unit
from meshbot.mesh_link import (
    CurrentLink,
    LinkReady,
    MeshTCPInterface,
    PacketRouter,
    PubkeySync,
)
from meshbot.nodes import LookAtKeys
from meshbot.runtime import (
    Clock,
    FolderInUseError,
    HungThreadError,
    IncidentBus,
    ServiceHandle,
    Supervisor,
    SystemClock,
    catch_signals,
    ignore_hangups,
    lock_in_time,
    log,
    notify,
)
from meshbot.sending import ReportRouter, Tracer, new_packet_id
from meshbot.version import __version__ as __version__  # noqa: PLC0414 - the specification has it here
from meshbot.version import version_text
from tcp_interface_manager import TCPInterfaceManager

LOGGER = logging.getLogger(__name__)
info_print, warning_print, error_print = LOGGER.info, LOGGER.warning, LOGGER.error
# EX_TEMPFAIL: systemd tries again, the other process may be about to end
EXIT_IN_USE = 75
# Seconds for all threads together; with what surrounds it, the promised 3 hold
STOP_GRACE = 2.0


class MeshBot:
    """Owns the interface and every thread; knows what each part needs and nothing of how it works."""

    TCP_PUBKEY_SYNC_DELAY: float = config.TCP_PUBKEY_SYNC_DELAY

    def __init__(
        self,
        settings: config.Settings,
        clock: Clock | None = None,
        requests: SimpleQueue[Any] | None = None,
        commands: Sequence[Command] | None = None,
        load: Callable[[], config.Settings] = config.load,
    ) -> None:
        """Build everything; nothing runs until `run`. `requests` may hold a reason to stop already.

        `load` reads the settings again. `commands` are those that the settings ask for, unless others are given.
        """
        self._requests: SimpleQueue[Any] = requests or SimpleQueue()
        self.TCP_PUBKEY_SYNC_DELAY = settings.tcp_pubkey_sync_delay
        clock = clock or SystemClock()
        self.incidents, self._link = IncidentBus(), CurrentLink(clock)
        link, report = self._link, self.incidents.report
        self._database, self.node_manager = assembly.open_storage(settings, clock, report)
        database, nodes = self._database, self.node_manager
        self.memory = assembly.memory(settings, database, nodes, clock, link.own_num)
        self._pubkey_sync = PubkeySync(clock, self._sync_pubkeys)

        # the sender and others save by Housekeeping, which is built after them: it restores what they had saved
        self._reports, disk, sender, texts = ReportRouter(self._on_acknowledged), *(ServiceHandle() for _ in range(3))
        self._disk = disk
        self._custody = custody = assembly.key_custody(
            clock, nodes, link, sender=sender.tell, disk=disk.tell, database=database, report=report
        )
        queue = assembly.send_queue(settings, clock, assembly.key_cures(nodes, link), lambda: nodes.moved)
        self._sender = assembly.sender(clock, queue, link, self._reports, disk=disk.tell, cure_key=custody.cure)
        sender.connect(self._sender)
        self._tracer = Tracer(clock, self._sender.tell, new_packet_id)
        self._parts = parts = assembly.Parts(
            settings, clock, database, nodes, self.memory, link, self._sender, self._tracer, custody, report
        )
        built_in = assembly.commands(parts, self._reconnect_tcp_interface)
        self.commands = built_in if commands is None else commands
        telegram = assembly.telegram(parts, self.commands, None if database is None else disk.tell)
        dispatcher = assembly.dispatcher(parts, self.commands, telegram)
        housekeeping = assembly.housekeeping(parts, telegram, texts.tell)
        disk.connect(housekeeping)

        apply = partial(assembly.apply_live, parts, dispatcher=dispatcher, telegram=telegram)
        self.reloader = assembly.Reloader(settings, load, apply, clock)
        control = assembly.control(parts, self.commands, self.reloader.reload)
        assembly.route_reports(self._reports, parts, housekeeping, telegram, control.tell)
        assembly.observe(parts, self._reports, self.incidents, telegram)

        packet_takers = assembly.packet_takers(parts, housekeeping, dispatcher, telegram)
        router = PacketRouter(clock, packet_takers, owner=link)
        texts.connect(router)
        link_takers = assembly.link_takers(parts, housekeeping, self._start_pubkey_sync, self._pubkey_sync, telegram)
        target, machine = assembly.target(settings), assembly.machine(settings)
        self._tcp = TCPInterfaceManager(target, machine, clock, link_takers, link=link, report=report)
        seen = assembly.Watched(queue, router, self._tcp, telegram, lambda: self.supervisor.services, lambda: watchdog)
        page = assembly.status_server(parts, seen)
        # in starting order: receivers before senders; the link starts last and stops first
        services = self._sender, custody, telegram, dispatcher, router, self._tcp
        radio_side = [each for each in services if each is not None]
        # the control socket may be in the data folder
        disk_side = housekeeping, control
        watchdog = assembly.watchdog(
            radio_side,
            disk_side,
            link=link,
            tcp=self._tcp,
            pubkey_sync=self._pubkey_sync,
            commands_run=(dispatcher, telegram),
        )
        # the page is not watched: whatever it does, the radio goes on
        threads = *disk_side, *([] if page is None else [page]), *radio_side
        self.supervisor = Supervisor(threads, clock, STOP_GRACE, self._requests, watchdog, reload=self.reloader.request)

    @property
    def interface(self) -> MeshTCPInterface | None:
        """The current READY interface, or None; ask each time and keep no copy."""
        return self._link.interface()

    def run(self) -> int:
        """Run until a signal, a request or a crash; return the exit code."""
        notify("STATUS=Connexion au nœud")
        reason = self.supervisor.run(lambda: notify("READY=1"))
        notify("STOPPING=1")
        self._pubkey_sync.stop()
        self._tracer.stop()
        self._sender.report_lost(self._parts.is_stored)
        if self._database is not None and not self.supervisor.stuck:
            self._database.close()
        crashed = isinstance(reason, BaseException)
        named = f"{type(reason).__name__}: {reason}" if isinstance(reason, HungThreadError) else type(reason).__name__
        info_print("🛑 Arrêt: %s", named if crashed else getattr(reason, "name", reason))
        return 1 if crashed else 0

    def stop(self) -> None:
        """Ask `run` to end; returns at once."""
        self._requests.put("demandé")

    def _reconnect_tcp_interface(self) -> None:
        """Ask for a reconnection; returns at once."""
        self._tcp.request_reconnection()

    def _start_pubkey_sync(self, ready: LinkReady) -> None:
        """Start the thread TCP-PubkeySync, after every READY."""
        self._pubkey_sync.schedule(ready.generation, self.TCP_PUBKEY_SYNC_DELAY)

    def _on_acknowledged(self, num: int) -> None:
        """Note that a node has acknowledged a direct message, under the key that the radio has for it."""
        interface = self.interface
        self.node_manager.acknowledged(num, None if interface is None else interface.radio_keys.get(num))

    def _sync_pubkeys(self) -> int:
        """Put the known public keys into interface.nodes; return how many were missing."""
        synced = self.node_manager.sync_pubkeys_to_interface(self.interface, force=True)
        self._disk.tell(LookAtKeys())
        return synced


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code: 0 asked to stop, 1 crashed, 75 data in use, 78 bad configuration."""
    return cli.main(command_line.program(_run, version_text()), arguments)


def _run(settings: config.Settings, load: Callable[[], config.Settings]) -> int:
    log.set_up(settings.log_level)
    log.take_prints()
    log.mask(settings.secrets())
    info_print("🤖 MeshBot %s: nœud %s:%d", version_text(), settings.tcp_host, settings.tcp_port)
    if unit := outdated_unit():
        warning_print("⚠️ L'unité systemd n'est pas celle de cette version (%s): sudo meshbot service update", unit)
    requests: SimpleQueue[Any] = SimpleQueue()
    if other := assembly.serving_bot(settings):
        text = "❌ Le bot du service sert déjà le nœud %s:%d (processus %d): sudo systemctl stop meshbot d'abord"
        error_print(text, other.host, other.port, other.pid)
        return EXIT_IN_USE
    try:
        lock = lock_in_time(settings.data_dir, requests.put)
    except FolderInUseError as error:
        error_print("❌ %s", error)
        return EXIT_IN_USE
    # before the database is opened: a request to stop counts from the start
    catch_signals(requests)
    bot = MeshBot(settings, requests=requests, load=load)
    # what the imports made stays for good: full rounds of the collector need not look at it
    gc.freeze()
    code = bot.run()
    ignore_hangups()
    # a thread in a call that nothing can end must not hold the exit
    if bot.supervisor.stuck:
        # waits for the last lines, no longer than the log's bound
        logging.shutdown()
        os._exit(code)
    if lock is not None:
        os.close(lock)
    return code


if __name__ == "__main__":
    sys.exit(main())
