"""The bot and the virtual node's firmware on one thread, in time that is moved: a year passes in minutes.

Everything of both is real but what lies between them. There is no socket, no session and no link machine: frames go
from hand to hand, and a link is lost when the firmware reboots. There are no threads: each service's inbox is emptied
and its deadline met by whoever moves the time. Commands do not run.
"""

# ruff: noqa: SLF001 - the parts of a bot that does not run have no other way in

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeVar, cast

from meshtastic import mesh_interface
from meshtastic.protobuf import admin_pb2

from config import Settings
from main_bot import MeshBot
from meshbot.commands import Access
from meshbot.mesh_link import (
    LinkReady,
    LinkTarget,
    MeshTCPInterface,
    OwnNode,
    QueueStatus,
    ReceivedText,
    give,
)
from meshbot.mesh_link.actions import Generation
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.framing import HEADER_LENGTH
from meshbot.runtime import Service
from meshbot.virtual_node.firmware import Firmware

T = TypeVar("T")
EPOCH: Final = datetime(2027, 1, 1, tzinfo=UTC)
NOWHERE: Final = LinkTarget("127.0.0.1", 0, 1.0, 1.0, 0.0)
# Seconds between the loss of a link and the next one
PAUSE: Final = 5.0
# Turns at one moment: more of them means that somebody is never satisfied
TURNS: Final = 10_000


class MovedClock:
    """Implements runtime.clock.Clock; who waits moves it."""

    def __init__(self) -> None:
        self._now = 1000.0
        self.run: Callable[[float, Callable[[], bool]], object] = lambda _until, _is_over: None

    def monotonic(self) -> float:
        """See Clock."""
        return self._now

    def now(self) -> datetime:
        """See Clock."""
        return EPOCH + timedelta(seconds=self._now)

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock; all others go on meanwhile."""
        self.run(deadline, lambda: not inbox.empty())
        return None if inbox.empty() else inbox.get_nowait()

    def move(self, to: float) -> None:
        """Let time pass."""
        self._now = max(self._now, to)


class Wire(MeshTCPInterface):
    """The bot's interface, its frames given to a firmware and taken from it."""

    def __init__(
        self,
        firmware: Firmware,
        station: Station,
        clock: MovedClock,
        owner: object,
        on_admin: Callable[[admin_pb2.AdminMessage], object],
    ) -> None:
        super().__init__(NOWHERE, station, clock.monotonic, owner)
        self._station = station
        self._clock = clock
        self._on_admin = on_admin
        self._phone = firmware.connect(1, clock.monotonic())

    def connect(self) -> None:
        """Ask for the configuration."""
        self._startConfig()

    def _writeBytes(self, b: bytes) -> None:
        self._phone.handle(b[HEADER_LENGTH:], self._clock.monotonic())

    def _send_admin(self, message: admin_pb2.AdminMessage, packet_id: int) -> None:
        # the firmware has it, its answer does not come
        is_last = self._on_admin(message)
        super()._send_admin(message, packet_id)
        if is_last:
            self._station.drop()

    def send_key_question(self, to: int) -> None:
        """See MeshTCPInterface; it is counted."""
        self._station.questions += 1
        super().send_key_question(to)

    def read(self) -> bool:
        """Take all that the firmware has to say; return whether there was something."""
        found = False
        while (frame := self._phone.next_frame(self._clock.monotonic())) is not None:
            found = True
            for each in self._frames.feed(frame):
                self._take(each)
        return found


@dataclass(slots=True)
class _Session:
    """What the link manager wants of a session."""

    interface: Wire


class QuietBot(MeshBot):
    """The bot without its threads."""

    def __init__(self, settings: Settings, clock: MovedClock) -> None:
        self.sync_due = inf
        self._moved = clock
        super().__init__(settings, clock)

    def _start_pubkey_sync(self, ready: LinkReady) -> None:  # noqa: ARG002 - as it is called
        self.sync_due = self._moved.monotonic() + self.TCP_PUBKEY_SYNC_DELAY

    def sync(self) -> None:
        """Do what the thread TCP-PubkeySync does."""
        self.sync_due = inf
        self._sync_pubkeys()


class Station:
    """A bot, its firmware, and all that happens between them; one thread."""

    def __init__(self, settings: Settings, clock: MovedClock, firmware: Firmware) -> None:
        self.clock, self.firmware = clock, firmware
        self.texts: list[ReceivedText] = []
        # told each administrative message before the firmware takes it
        self.on_admin: Callable[[admin_pb2.AdminMessage], object] = bool
        # that asked a node to introduce itself
        self.questions = 0
        self._settings = settings
        self._link: Wire | None = None
        self._is_connected = False
        self._connect_at = clock.monotonic()
        clock.run = self.run
        self._start()

    # -- the bot's process

    def _start(self) -> None:
        self.bot = QuietBot(self._settings, self.clock)
        self.incidents: list[object] = []
        self.bot.incidents.listen(self.incidents.append)
        services = {each.name: each for each in self.bot.supervisor.services}
        names = "Housekeeping", "Mesh-Sender", "Key-Custody", "Mesh-Router"
        self._services: list[Service] = [services[name] for name in names]
        self._dispatcher: Any = services["Mesh-Dispatcher"]
        self.access: Access = cast("Any", self._dispatcher)._access
        for each in self._services:
            each.on_start()
        housekeeping = cast("Any", self._services[0])
        housekeeping._upkeep_at = inf
        housekeeping._writers = tuple(each for each in housekeeping._writers if each is not self.bot.memory)

    def restart(self, *, is_orderly: bool = True) -> None:
        """End the bot's process, in order or by a kill, and start it anew."""
        earlier = self.incidents
        self.close(is_orderly=is_orderly)
        self._start()
        self.incidents[:0] = earlier

    def close(self, *, is_orderly: bool = True) -> None:
        """End the bot's process."""
        self.drop()
        # a process that is killed leaves no router behind either
        for each in reversed(self._services if is_orderly else self._services[-1:]):
            if is_orderly:
                self._empty(each)
            each.on_stop()
        cast("Any", self.bot)._database.close()

    def upkeep(self) -> None:
        """Do what Housekeeping does each quarter of an hour, and write down what was heard: seldom, for a year."""
        self.bot.memory.flush()
        for task in cast("Any", self._services[0])._upkeep:
            task()

    # -- the link

    def drop(self) -> None:
        """Lose the link; another one follows."""
        if self._link is None:
            return
        manager = cast("Any", self.bot._tcp)
        manager._drop_interface()
        manager._session, self._link, self._is_connected = None, None, False
        self.firmware.disconnect()
        self.bot.sync_due = inf
        self._connect_at = self.clock.monotonic() + PAUSE

    def _connect(self) -> None:
        self._connect_at = inf
        self._link = Wire(self.firmware, self, self.clock, self.bot._link, self.on_admin)
        self._link.connect()

    def _ready(self) -> None:
        manager = cast("Any", self.bot._tcp)
        manager._session = _Session(cast("Wire", self._link))
        manager._ready(LinkReady(next(GENERATIONS), reconnection=True, outage=PAUSE, attempts=1))

    # -- what the interface reports: see LinkListener

    def connected(self, *, answers_probes: bool) -> None:  # noqa: ARG002 - the protocol's
        """See LinkListener."""
        self._is_connected = True

    def queue_status(self, packet_id: int, result: int) -> None:
        """See LinkListener."""
        if packet_id:
            give(self._takers.queue_status, QueueStatus(packet_id, result))

    def renumbered(self, own: OwnNode) -> None:
        """See LinkListener."""
        self._takers.own_node(own)

    def client_warning(self, packet_id: int, text: str) -> None:
        """See LinkListener."""

    def lost(self, failure: LinkFailure) -> None:
        """See LinkListener."""

    def restarted(self) -> None:
        """See LinkListener."""

    def fetched(self) -> None:
        """See LinkListener."""

    def accepted(self) -> None:
        """See LinkListener."""

    @property
    def _takers(self) -> Any:
        return cast("Any", self.bot._tcp)._takers

    # -- time

    def run(self, until: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen until then, or until it is over."""
        turns = 0
        while True:
            self._settle()
            if is_over():
                return
            now, due = self.clock.monotonic(), self._due()
            if due > until:
                break
            turns = turns + 1 if due <= now else 0
            if turns > TURNS:
                raise RuntimeError("somebody is never satisfied")
            self.clock.move(due)
            self._meet_deadlines()
        self.clock.move(until)
        self.firmware.poll(self.clock.monotonic())
        self._settle()

    def _due(self) -> float:
        return min(self._connect_at, self.bot.sync_due, self.firmware.due, *map(_due_of, self._services))

    def _meet_deadlines(self) -> None:
        now = self.clock.monotonic()
        self.firmware.poll(now)
        if self._link is not None and not self.firmware.configured:
            self.drop()
        if self._connect_at <= now and self.firmware.is_up(now):
            self._connect()
        elif self._connect_at <= now:
            self._connect_at = now + PAUSE
        if self.bot.sync_due <= now:
            self.bot.sync()
        for each in self._services:
            if _due_of(each) <= now:
                each.on_deadline()

    def _settle(self) -> None:
        """Let all be done that is to be done now."""
        while True:
            self.firmware.settle(self.clock.monotonic())
            is_busy = self._read()
            for each in self._services:
                is_busy |= self._empty(each)
            self.texts += [each for each in _messages(self._dispatcher) if isinstance(each, ReceivedText)]
            if not is_busy:
                return

    def _read(self) -> bool:
        if self._link is None or not self._link.read():
            return False
        if self._is_connected:
            self._is_connected = False
            self._ready()
        return True

    def _empty(self, service: Service) -> bool:
        found = False
        for message in _messages(service):
            service.handle(message)
            found = True
        return found


GENERATIONS = map(Generation, count(1))


class _AtOnce:
    """Stands for the library's publishing thread, which is one for the whole process."""

    @staticmethod
    def queueWork(runnable: Callable[[], object]) -> None:
        runnable()


@contextlib.contextmanager
def publishing_at_once() -> Iterator[None]:
    """Have the library publish packets where they are read; nobody else of the process may use it meanwhile."""
    threads = mesh_interface.publishingThread
    mesh_interface.publishingThread = _AtOnce()
    try:
        yield
    finally:
        mesh_interface.publishingThread = threads


def _messages(service: Service) -> Iterator[Any]:
    inbox = service._inbox
    while not inbox.empty():
        yield inbox.get_nowait()


def _due_of(service: Service) -> float:
    if service.name == "Mesh-Sender":
        # without its look at the wall clock each minute
        sender = cast("Any", service)
        return float(min(sender._queue.deadline, sender._pending_actions.deadline))
    return service.deadline()


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Return the settings of a bot whose data is there."""
    return Settings(
        tcp_host="127.0.0.1",
        data_dir=folder,
        node_names_file=folder / "none.json",
        air_time_limit=100,
        log_level="ERROR",
        **changes,
    )
