"""TCPInterfaceManager: owns the one TCPInterface and performs what the link machine decides."""

from __future__ import annotations

import gc
import logging
from typing import Protocol

from meshbot.mesh_link import (
    AbandonLink,
    Action,
    ClientWarning,
    CloseLink,
    LinkAlert,
    LinkContended,
    LinkDown,
    LinkEvent,
    LinkFigures,
    LinkMachine,
    LinkReady,
    LinkSilent,
    LinkState,
    LinkStatistics,
    LinkTarget,
    MeshSession,
    MeshTCPInterface,
    OpenLink,
    OutageReporter,
    PacketReceiver,
    QueueStatus,
    RawPacket,
    SendProbe,
    SessionEvent,
)
from meshbot.runtime import STOP, Clock, Report, Service, Throttle, unreported

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error

ABANDONED_LIMIT = 4  # sessions whose thread hangs (name resolution, say) before no further one is started
LATE_ATTEMPTS_SAID_EVERY = 600.0  # seconds between two attempt lines once an outage has been alerted
END_OF_SESSION = 0.5  # seconds for a closed session's thread to end at shutdown


class LinkOwner(Protocol):
    """Who is told of the link, on the thread TCP-Watchdog or a thread of the library: never wait in these."""

    def link_ready(self, ready: LinkReady, interface: MeshTCPInterface) -> None:
        """The bot can answer (again)."""

    def link_lost(self) -> None:
        """Packets no longer flow."""

    def link_alert(self, alert: LinkAlert) -> None:
        """The outage is worth an alert."""

    def queue_status(self, status: QueueStatus) -> None:
        """The node answered a packet of ours."""

    def objection(self, objection: ClientWarning) -> None:
        """The node has something against a packet of ours."""

    def packet_received(self, heard: RawPacket) -> object:
        """A packet came."""


class TCPInterfaceManager(Service):
    """The service TCP-Watchdog: its inbox holds the sessions' events, its deadline is the link machine's."""

    name = "TCP-Watchdog"

    def __init__(
        self,
        target: LinkTarget,
        machine: LinkMachine,
        clock: Clock,
        owner: LinkOwner,
        report: Report = unreported,
    ) -> None:
        super().__init__(clock)
        self._target = target
        self._machine = machine
        self._owner = owner
        self._session: MeshSession | None = None
        self._abandoned: list[MeshSession] = []
        self._late_attempts = Throttle(LATE_ATTEMPTS_SAID_EVERY)
        self._reception = PacketReceiver(owner.packet_received, owner=self)
        self.interface: MeshTCPInterface | None = None  # the READY one, or None
        self._statistics = LinkStatistics()
        self._incidents = OutageReporter(f"{target.host}:{target.port}", report)

    @property
    def state(self) -> LinkState:
        """Where the link stands."""
        return self._machine.state

    @property
    def figures(self) -> LinkFigures:
        """How the link has been doing; any thread may ask."""
        return self._statistics.snapshot(self._clock.monotonic())

    def request_reconnection(self) -> None:
        """Ask for a new connection; returns at once."""
        self.tell(SessionEvent(LinkEvent.RECONNECT, self._machine.generation))

    # -- service

    def on_start(self) -> None:
        """See Service."""
        self._reception.start()
        self.handle(SessionEvent(LinkEvent.START, self._machine.generation))

    def stop(self) -> None:
        """See Service: the link is closed first, within the machine's bound."""
        self.tell(SessionEvent(LinkEvent.STOP, self._machine.generation))

    def on_stop(self) -> None:
        """See Service."""
        self._reception.stop()
        self.interface = None
        if self._session is not None:
            self._session.abandon()
            self._session.ended(END_OF_SESSION)

    def deadline(self) -> float:
        """See Service."""
        return self._machine.deadline

    def on_deadline(self) -> None:
        """See Service."""
        self.handle(SessionEvent(LinkEvent.DEADLINE, self._machine.generation))

    def handle(self, message: SessionEvent) -> None:
        """See Service."""
        if self._session is not None:  # bytes prove life, whatever else is said
            self._machine.heard(self._session.generation, self._session.interface.last_heard)
        now = self._clock.monotonic()
        actions = self._machine.handle(
            message.event,
            now,
            message.generation,
            reason=message.reason,
            answers_probes=message.answers_probes,
        )
        self._statistics.take(actions, self._machine.outage_since, now)
        if self._machine.state is not LinkState.READY:
            self._drop_interface()
        for action in actions:
            self._perform(action)
        if self._machine.state is LinkState.STOPPED:
            self.tell(STOP)

    # -- the machine's decisions

    def _perform(self, action: Action) -> None:
        match action:
            case OpenLink():
                self._open(action)
            case CloseLink():
                if self._session is not None:
                    self._session.close()
            case AbandonLink():
                self._abandon()
            case SendProbe():
                if self._session is not None:
                    self._session.probe()
            case LinkReady():
                self._ready(action)
            case _:
                self._report(action)

    def _open(self, action: OpenLink) -> None:
        self._say_attempt(action)
        self._session = None
        gc.collect()  # an interface and its nodes are a knot of references, and full rounds of the collector are rare
        self._abandoned = [session for session in self._abandoned if not session.ended()]
        if len(self._abandoned) >= ABANDONED_LIMIT:
            reason = f"{len(self._abandoned)} sessions bloquées"
            self.tell(SessionEvent(LinkEvent.FAILED, action.generation, reason))
            self.tell(SessionEvent(LinkEvent.CLOSED, action.generation))
            return
        self._session = MeshSession(
            action.generation,
            self._target,
            self._clock,
            self.tell,
            self._owner.queue_status,
            owner=self,
            on_round_trip=self._statistics.probe_answered,
            on_objection=self._owner.objection,
        )

    def _say_attempt(self, action: OpenLink) -> None:
        target = f"{self._target.host}:{self._target.port}"
        often = not action.alerted or self._late_attempts.count(self._clock.monotonic())
        level = logging.INFO if often else logging.DEBUG
        if action.reconnection:
            LOGGER.log(level, "🔄 Reconnexion TCP #%d à %s...", action.attempt, target)
        else:
            LOGGER.log(level, "🌐 Connexion TCP à %s...", target)
        if action.alerted and often and self._machine.outage_since is not None:
            self._incidents.lost(action.attempt - 1, self._clock.monotonic() - self._machine.outage_since)

    def _ready(self, ready: LinkReady) -> None:
        if self._session is None:
            return
        self.interface = self._session.interface
        self._incidents.ready(ready.outage, self._session.interface, restarted=not ready.attempts)
        self._owner.link_ready(ready, self._session.interface)
        if ready.reconnection:
            info_print("✅ Reconnexion TCP réussie (background)")
        else:
            info_print("✅ Connexion TCP établie")
        if ready.attempts > (0 if ready.reconnection else 1):  # 0 attempts: the node restarted on the same connection
            info_print("ℹ️ Coupure de %.1f s, %d tentative(s)", ready.outage, ready.attempts)

    def _abandon(self) -> None:
        if self._session is not None:
            LOGGER.warning("⚠️ Session TCP %d ne se ferme pas: abandonnée", self._session.generation)
            self._session.abandon()
            self._abandoned.append(self._session)

    def _drop_interface(self) -> None:
        if self.interface is not None:
            self._incidents.dropped(self.interface)
            self.interface = None
            self._owner.link_lost()

    def _report(self, action: Action) -> None:
        match action:
            case LinkSilent():
                LOGGER.warning("⚠️ SILENCE TCP: %ds sans paquet (max: %ds)", action.seconds, action.maximum)
            case LinkDown():
                self._report_down(action)
            case LinkAlert():
                error_print("❌ Échec reconnexion TCP après 3 tentatives")
                self._late_attempts = Throttle(LATE_ATTEMPTS_SAID_EVERY)  # each outage is told of from its beginning
                self._incidents.lost(action.failures, action.outage)
                self._owner.link_alert(action)
            case LinkContended():
                LOGGER.warning(
                    "⚠️ %d liens perdus de suite: un autre client prend sans doute le nœud, qui n'en sert qu'un",
                    action.troubles,
                )

    def _report_down(self, down: LinkDown) -> None:
        what = "Lien TCP perdu" if down.was_ready else "Connexion TCP impossible"
        level = logging.WARNING if down.first else logging.DEBUG
        self._incidents.cause = down.reason
        LOGGER.log(level, "⚠️ %s: %s; nouvel essai dans %.1f s", what, down.reason, down.retry_in)
