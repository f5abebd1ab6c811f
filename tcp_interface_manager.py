"""TCPInterfaceManager: owns the one TCPInterface and performs what the link machine decides."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from meshbot.mesh_link import (
    AbandonLink,
    Action,
    ClientWarning,
    CloseLink,
    CurrentLink,
    Evidence,
    FetchNodes,
    KnownAddress,
    LinkAlert,
    LinkContended,
    LinkDown,
    LinkEvent,
    LinkFailure,
    LinkMachine,
    LinkReady,
    LinkSilent,
    LinkState,
    LinkTarget,
    MeshSession,
    NodeChannels,
    NodeDatabase,
    NodeWarnings,
    OpenLink,
    OutageReporter,
    OwnNode,
    QueueStatus,
    SendProbe,
    SessionEvent,
    give,
)
from meshbot.runtime import STOP, Clock, LinkCause, Report, Service, Throttle, log, notify
from meshbot.sending import LinkChange

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error

# Sessions whose thread hangs (name resolution, say) before no further one is started
ABANDONED_LIMIT = 4
# Seconds between two attempt lines once an outage has been alerted
LATE_ATTEMPTS_EVERY = 600.0
# Names that need mDNS, which a system without its packages does not look up
MDNS_SUFFIX = ".local"
# Seconds for a closed session's thread to end at shutdown
END_OF_SESSION = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTakers:
    """Who takes what happens to the link.

    They are called on the thread TCP-Watchdog or one of the library's: a taker only puts into an inbox.
    """

    node_database: Callable[[NodeDatabase], object]
    change: Callable[[LinkChange], object]
    ready: Callable[[LinkReady], object]
    own_node: Callable[[OwnNode], object]
    lost: Sequence[Callable[[], object]] = ()
    # the other nodes came after READY
    fetched: Callable[[], object] = bool
    queue_status: Sequence[Callable[[QueueStatus], object]] = ()
    client_warning: Sequence[Callable[[ClientWarning], object]] = ()
    channels: Sequence[Callable[[NodeChannels], object]] = ()


class TCPInterfaceManager(Service):
    """The service TCP-Watchdog: its inbox holds the sessions' events, its deadline is the link machine's."""

    name = "TCP-Watchdog"

    def __init__(
        self,
        target: LinkTarget,
        machine: LinkMachine,
        clock: Clock,
        takers: LinkTakers,
        *,
        link: CurrentLink,
        report: Report,
    ) -> None:
        """`link` is kept up to date for other threads, and owns the interfaces: see PacketRouter."""
        super().__init__(clock)
        self._target = target
        self._machine = machine
        self._takers = takers
        self._link = link
        self._known = KnownAddress()
        self._session: MeshSession | None = None
        self._abandoned: list[MeshSession] = []
        self._late_attempts = Throttle(LATE_ATTEMPTS_EVERY)
        self._warnings = NodeWarnings(clock, report)
        self._outages = OutageReporter(f"{target.host}:{target.port}", report)

    @property
    def state(self) -> LinkState:
        """Where the link stands."""
        return self._machine.state

    @property
    def is_stuck(self) -> bool:
        """Whether so many sessions hang that no further one is started; any thread may ask."""
        return sum(not session.ended() for session in tuple(self._abandoned)) >= ABANDONED_LIMIT

    def request_reconnection(self) -> None:
        """Ask for a new connection; returns at once."""
        self.tell(SessionEvent(LinkEvent.RECONNECT, self._machine.generation))

    # -- service

    def on_start(self) -> None:
        """See Service."""
        self.handle(SessionEvent(LinkEvent.START, self._machine.generation))

    def stop(self) -> None:
        """See Service: the link is closed first, within the machine's bound."""
        self.tell(SessionEvent(LinkEvent.STOP, self._machine.generation))

    def on_stop(self) -> None:
        """See Service."""
        self._link.lost()
        if self._session is not None:
            self._session.abandon()
            self._session.ended(END_OF_SESSION)

    def deadline(self) -> float:
        """See Service."""
        return self._machine.deadline

    def on_deadline(self) -> None:
        """See Service."""
        session = self._session
        unacknowledged = session is not None and session.interface.tcp_info.is_repeating
        evidence = Evidence(unacknowledged=unacknowledged)
        self.handle(SessionEvent(LinkEvent.DEADLINE, self._machine.generation, evidence=evidence))

    def handle(self, message: SessionEvent) -> None:
        """See Service."""
        # any byte proves life, whatever the message
        if self._session is not None:
            self._machine.heard(self._session.generation, self._session.interface.last_heard)
        now = self._clock.monotonic()
        actions = self._machine.handle(
            message.event,
            now,
            message.generation,
            failure=message.failure,
            evidence=message.evidence,
        )
        if message.event is LinkEvent.FETCHED and self._machine.state is LinkState.READY:
            self._take_fetched()
        self._link.statistics.take(actions, self._machine.outage_since, now)
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
            case FetchNodes():
                if self._session is not None:
                    self._session.fetch_nodes()
            case LinkReady():
                self._ready(action)
            case _:
                self._report(action)

    def _open(self, action: OpenLink) -> None:
        self._log_attempt(action)
        self._session = None
        self._link.locked(is_locked=False)
        # an interface and its nodes are a cycle of references, and full rounds of the collector are rare
        gc.collect()
        self._abandoned = [session for session in self._abandoned if not session.ended()]
        if len(self._abandoned) >= ABANDONED_LIMIT:
            failure = LinkFailure(LinkCause.STUCK_SESSIONS, f"{len(self._abandoned)} sessions bloquées")
            self.tell(SessionEvent(LinkEvent.FAILED, action.generation, failure))
            self.tell(SessionEvent(LinkEvent.CLOSED, action.generation))
            return
        self._session = MeshSession(
            action.generation,
            self._target,
            self._clock,
            self.tell,
            partial(give, self._takers.queue_status),
            owner=self._link,
            on_round_trip=self._link.statistics.probe_answered,
            on_client_warning=partial(give, (self._warnings.take, *self._takers.client_warning)),
            on_own_node=self._takers.own_node,
            known=self._known,
            without_nodes=action.without_nodes,
        )

    @property
    def _about(self) -> dict[str, Mapping[str, str]]:
        """The fields of a line about the link."""
        return log.about(link_state=self._machine.state.name)

    def _log_attempt(self, action: OpenLink) -> None:
        target = f"{self._target.host}:{self._target.port}"
        often = not action.alerted or self._late_attempts.count(self._clock.monotonic())
        level = logging.INFO if often else logging.DEBUG
        if action.reconnection:
            LOGGER.log(level, "🔄 Reconnexion TCP #%d à %s...", action.attempt, target, extra=self._about)
        else:
            LOGGER.log(level, "🌐 Connexion TCP à %s...", target, extra=self._about)
        if action.without_nodes:
            LOGGER.log(level, "🐢 Configuration restée incomplète: demandée sans les autres nœuds, qui suivront")
        if action.alerted and often and self._machine.outage_since is not None:
            self._outages.lost(action.attempt - 1, self._clock.monotonic() - self._machine.outage_since)

    def _ready(self, ready: LinkReady) -> None:
        if self._session is None:
            return
        interface = self._session.interface
        if interface.is_redacted:
            self._locked(ready.outage)
            return
        self._link.ready(interface)
        self._takers.own_node(interface.own_node)
        self._outages.ready(ready.outage, interface, restarted=not ready.attempts)
        records = interface.take_records()
        self._takers.node_database(NodeDatabase(records))
        measured = next((each.metrics for each in records if each.num == interface.own_num), None)
        air_tx = None if measured is None else measured.air_tx
        self._takers.change(LinkChange(up=True, boots=interface.boots, lora=interface.lora, air_tx=air_tx))
        give(self._takers.channels, NodeChannels(interface.channels))
        self._takers.ready(ready)
        notify("STATUS=Lien TCP prêt")
        if ready.reconnection:
            info_print("✅ Reconnexion TCP réussie (background)", extra=self._about)
        else:
            info_print("✅ Connexion TCP établie", extra=self._about)
        # 0 attempts: the node restarted on the same connection
        if ready.attempts > (0 if ready.reconnection else 1):
            info_print("ℹ️ Coupure de %.1f s, %d tentative(s)", ready.outage, ready.attempts, extra=self._about)

    def _locked(self, outage: float) -> None:
        """Take a node that is connected and of no use: what it holds back says nothing of what it knows."""
        self._link.locked(is_locked=True)
        self._outages.locked(outage)
        notify("STATUS=Nœud verrouillé (lockdown)")
        LOGGER.warning(
            "🔒 Notre nœud est verrouillé (lockdown): il ne livre et n'émet rien pour le bot. "
            "Désactivez le verrouillage dans l'application Meshtastic; le bot garde ce qui attend",
            extra=log.about(link_state="LOCKED"),
        )

    def _take_fetched(self) -> None:
        if self._session is None or self._link.is_locked():
            return
        records = self._session.interface.take_records()
        self._takers.node_database(NodeDatabase(records))
        LOGGER.info("📒 Les autres nœuds sont arrivés: %d", len(records))
        self._takers.fetched()

    def _abandon(self) -> None:
        if self._session is not None:
            LOGGER.warning("⚠️ Session TCP %d ne se ferme pas: abandonnée", self._session.generation)
            self._session.abandon()
            self._abandoned.append(self._session)

    def _drop_interface(self) -> None:
        interface = self._link.interface()
        if interface is None:
            return
        self._outages.dropped(interface)
        self._link.lost()
        for take in self._takers.lost:
            take()
        self._takers.change(LinkChange(up=False))
        notify("STATUS=Lien TCP coupé, reconnexion en cours")

    def _report(self, action: Action) -> None:
        match action:
            case LinkSilent():
                text = "⚠️ SILENCE TCP: %ds sans paquet (max: %ds)"
                LOGGER.warning(text, action.seconds, action.maximum, extra=self._about)
            case LinkDown():
                self._report_down(action)
            case LinkAlert():
                error_print("❌ Échec reconnexion TCP après 3 tentatives", extra=self._about)
                # each outage is logged from its beginning
                self._late_attempts = Throttle(LATE_ATTEMPTS_EVERY)
                self._outages.lost(action.failures, action.outage)
                notify(f"STATUS=Nœud injoignable depuis {action.outage:.0f} s, {action.failures} essais")
            case LinkContended():
                LOGGER.warning(
                    "⚠️ %d liens perdus de suite: un autre client prend sans doute le nœud, qui n'en sert qu'un",
                    action.losses,
                    extra=self._about,
                )

    def _report_down(self, down: LinkDown) -> None:
        what = "Lien TCP perdu" if down.was_ready else "Connexion TCP impossible"
        level = logging.WARNING if down.first else logging.DEBUG
        self._outages.failure = down.failure
        text = "⚠️ %s: %s; nouvel essai dans %.1f s"
        LOGGER.log(level, text, what, down.failure, down.retry_in, extra=self._about)
        if down.first and down.failure.cause is LinkCause.NAME_UNKNOWN and self._target.host.endswith(MDNS_SUFFIX):
            text = "💡 %s est un nom mDNS: sudo apt install avahi-daemon libnss-mdns, ou une adresse dans tcp_host"
            LOGGER.warning(text, self._target.host)
