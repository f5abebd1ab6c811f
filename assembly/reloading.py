"""Settings that are read again while the bot runs: what can change does, and what cannot is named."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import config
from assembly.parts import Parts, keep_listed, listed_nodes, send_limits
from assembly.questions import limits, mesh_rules
from assembly.telegram_side import telegram_options
from meshbot.commands import node_list, report_moved
from meshbot.runtime import Clock, Service, log, notify
from meshbot.settings import ReloadReport, changes, merged

LOGGER = logging.getLogger(__name__)
# Seconds for another reading that waits for a disk
PATIENCE: Final = 10.0
# Lines of one reading: the log takes 30 a minute of one place, and the next reading has something to say, too
MOST_PROBLEMS: Final = 10


def apply_live(parts: Parts, settings: config.Settings, dispatcher: Service, telegram: Service | None) -> None:
    """Have these settings hold; each part takes its own, in its own thread, and no link is touched."""
    parts.settings = settings
    log.set_level(settings.log_level)
    parts.nodes.set_admins(node_list(settings.admin_nodes).numbers)
    keep_listed(settings, parts.memory, parts.nodes, parts.link.own_num)
    parts.memory.set_retention(settings.packet_retention_days)
    parts.memory.mailbox.set_ttl(settings.mail_ttl)
    parts.sender.tell(send_limits(settings))
    dispatcher.tell(mesh_rules(settings))
    if telegram is not None:
        telegram.tell(telegram_options(settings))
        telegram.tell(limits(settings))
    report_moved(listed_nodes(settings), parts.nodes)


class Reloader:
    """Reads the settings again, for systemd or whoever asks; one reading at a time, none in a service's thread."""

    def __init__(
        self,
        in_force: config.Settings,
        load: Callable[[], config.Settings],
        apply: Callable[[config.Settings], object],
        clock: Clock,
    ) -> None:
        """`load` raises ConfigError and may wait for the disk; `apply` only puts into inboxes."""
        self._in_force = in_force
        self._load = load
        self._apply = apply
        self._clock = clock
        # held while the file is read
        self._reading = threading.Lock()
        # protects the two that follow; held for no I/O
        self._requests = threading.Lock()
        self._is_wanted = self._is_running = False

    def request(self) -> None:
        """Have the settings read again by a thread; returns at once."""
        with self._requests:
            self._is_wanted = True
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name="Settings-Reload", daemon=True).start()

    def _run(self) -> None:
        while self._take_request():
            self.reload()

    def _take_request(self) -> bool:
        with self._requests:
            wanted, self._is_wanted = self._is_wanted, False
            self._is_running = wanted
            return wanted

    def reload(self) -> ReloadReport:
        """Read them now, which may wait for the disk; return what has changed. Any thread but a service's may ask."""
        if not self._reading.acquire(timeout=PATIENCE):
            return ReloadReport(problems=(changes.BUSY,))
        try:
            # systemd compares it with the time of its own request
            notify("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * 1_000_000)}")
            report = self._read()
            _log(report)
            return report
        finally:
            self._reading.release()
            notify("READY=1")

    def _read(self) -> ReloadReport:
        try:
            read = self._load()
        except config.ConfigError as error:
            return ReloadReport(problems=error.problems)
        # whatever a file can hold: this bot goes on, and reads the next one
        except Exception as error:  # noqa: BLE001 - said as a problem of the file
            return ReloadReport(problems=(f"{type(error).__name__}: {error}",))
        # before anything can be said of them
        log.mask(read.secrets())
        new, report = merged(self._in_force, read, config.LIVE)
        if report.changed:
            self._in_force = new
            self._apply(new)
        return report


def _log(report: ReloadReport) -> None:
    for problem in report.problems[:MOST_PROBLEMS]:
        LOGGER.error("❌ %s", problem)
    if report.problems:
        if (more := len(report.problems) - MOST_PROBLEMS) > 0:
            LOGGER.error("❌ … et %d autres: meshbot check les montre tous", more)
        LOGGER.error("❌ Réglages refusés, rien n'a changé. Corrigez-les, puis: sudo systemctl reload meshbot")
        return
    LOGGER.info("⚙️ Réglages relus: %s", ", ".join(report.changed) or "rien de nouveau")
    if report.need_restart:
        names = ", ".join(report.need_restart)
        LOGGER.warning("⚠️ Réglages qui attendent un redémarrage: %s (sudo systemctl restart meshbot)", names)
