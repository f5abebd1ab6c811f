"""The thread Mesh-Sender: gives the queue's packets to the present interface, and the node's answers to the queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Final, Protocol

from meshbot.mesh_link import BROADCAST_NUM, ChannelLoad, LoraSettings, QueueStatus, RoutingAnswer, TextPacket
from meshbot.runtime import Clock, Service, Throttle, log
from meshbot.sending.admission import answer_at, waiting_for_air
from meshbot.sending.after_answer import AfterAnswer, PendingActions
from meshbot.sending.air_budget import account_of
from meshbot.sending.key_cures import KeyCure
from meshbot.sending.limits import SendLimits
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.sending.queue import SendQueue
from meshbot.sending.queued_text import Changes, SavedPart, queued_report, unsent_rows
from meshbot.sending.receipts import NO_AIR, DeliveryReport, DeliveryStatus, ReportListener
from meshbot.sending.traceroute import NoRoute, RouteRequest

LOGGER = logging.getLogger(__name__)
# A Pi without network starts in the past: that time does not go to the node
PLAUSIBLE_NOW = datetime(2026, 1, 1, tzinfo=UTC)
NO_CHANNEL: Final = 6  # Routing.Error, as the node would say it
CLOCK_CHECK_EVERY = 60.0  # seconds between two checks whether the wall clock has jumped
# Seconds; a Pi without a clock of its own starts in the past and is set minutes later
CLOCK_JUMP = 10.0
QUEUE_FULL_LOGGED_EVERY = 60.0  # seconds
POWERLESS_LOGGED_EVERY = 3600.0  # seconds
EXHAUSTED_LOGGED_EVERY = 3600.0  # seconds
NAMES: Final = {
    Priority.ANSWER: "Réponse",
    Priority.MAIL: "Lettre",
    Priority.BRIDGE: "Transmission",
    Priority.ALERT: "Alerte",
}
LEVELS: Final = {
    DeliveryStatus.QUEUED: logging.DEBUG,
    DeliveryStatus.ACCEPTED: logging.DEBUG,
    DeliveryStatus.ACKNOWLEDGED: logging.DEBUG,
    DeliveryStatus.RELAYED: logging.DEBUG,
    DeliveryStatus.POSTPONED: logging.INFO,
}


class SendingInterface(Protocol):
    """The part of the interface that sends."""

    def send_text_packet(self, packet: TextPacket) -> None:
        """Write one packet; OSError if the link is gone."""

    def has_channel(self, index: int) -> bool:
        """Return whether the node has that channel, enabled."""

    def send_route_request(self, packet_id: int, to: int) -> None:
        """Write one traceroute; OSError if the link is gone."""

    def send_key_question(self, to: int) -> None:
        """Have a node introduce itself; OSError if the link is gone."""

    def send_time(self, seconds: int) -> None:
        """Set the node's clock; OSError if the link is gone."""


@dataclass(frozen=True, slots=True)
class LinkChange:
    """Whether packets may flow from now on."""

    up: bool
    boots: int = 0  # the node's count of its reboots; 0: unknown
    lora: LoraSettings | None = None  # of our node's radio
    air_tx: float | None = None  # percent of the last hour in which our node sent, as it measured


@dataclass(frozen=True, slots=True)
class RestoredQueue:
    """What an earlier process has not finished sending."""

    parts: Sequence[SavedPart]


@dataclass(frozen=True, slots=True)
class KeyQuestion:
    """Have a node introduce itself, now or not at all."""

    to: int


def ignore_key(_num: int, _lacks: bool) -> None:  # noqa: FBT001 - as the callback is called
    """Care for no key."""


class MeshSender(Service):
    """Takes texts, the node's answers and the link's state; sends, stores and reports. See `handle`."""

    name = "Mesh-Sender"

    def __init__(
        self,
        clock: Clock,
        queue: SendQueue,
        interface_of: Callable[[], SendingInterface | None],
        save: Callable[[Changes], object],
        listener: ReportListener | None = None,
        *,
        cure_key: Callable[[int, bool], object] = ignore_key,
    ) -> None:
        """`save` only puts into an inbox: this thread never waits for the disk.

        So does `cure_key(num, lacks)`, whose end a KeyCure tells; `lacks`: our node itself says that it has no key.
        """
        super().__init__(clock)
        self._queue = queue
        self._pending_actions = PendingActions()
        # called for each packet: no copy of the interface is kept
        self._interface_of = interface_of
        self._save = save
        self._listener = listener
        self._cure_key = cure_key
        self._queue_full = Throttle(QUEUE_FULL_LOGGED_EVERY)
        self._powerless = Throttle(POWERLESS_LOGGED_EVERY)
        self._exhausted = Throttle(EXHAUSTED_LOGGED_EVERY)
        self._answer_at = {False: -inf, True: -inf}  # by whether for a stranger
        self._logged_holding = False
        self._link_up = False
        self._clock_check_at = inf  # inf while no stored time or link needs it
        self._clock_offset = self._offset()  # wall minus monotonic seconds

    @property
    def waiting(self) -> int:
        """How many packets the node has not confirmed yet; any thread may ask."""
        return len(self._queue)

    @property
    def holding(self) -> bool:
        """Whether the channel is so busy that only answers to direct messages go; any thread may ask."""
        return self._queue.hold.holding

    def text_limit(self, message: OutgoingText) -> int:
        """Return how many bytes of UTF-8 of such a text go into one packet; any thread may ask."""
        return min(self._queue.limit, self._queue.air.longest(message))

    def answer_at(self, *, for_stranger: bool, despite_load: bool) -> float:
        """Return when the answer to a question of now could go (monotonic seconds); any thread may ask."""
        hold = self._queue.hold
        return max(self._answer_at[for_stranger], hold.ends_at if hold.holding and not despite_load else -inf)

    def report_lost(self, is_stored: Callable[[int], bool]) -> None:
        """Log how many texts end with the process: not sent, and not in the database; once the thread has ended."""
        lost = [rows for rows in unsent_rows(self._queue.texts) if not all(map(is_stored, rows))]
        if lost:
            LOGGER.error(
                "❌ Arrêt: %d envois acceptés n'ont pu être ni transmis ni enregistrés, ils sont perdus. "
                "Vérifiez la base de données avant de relancer le bot",
                len(lost),
            )

    def on_stop(self) -> None:
        """See Service; what waits cannot be sent any more, and is stored as such."""
        self._queue.link_down()
        self._save_changes()

    def deadline(self) -> float:
        """See Service."""
        return min(self._queue.deadline, self._clock_check_at, self._pending_actions.deadline)

    def on_deadline(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        self._report(self._queue.on_deadline(now), now)
        self._pending_actions.on_deadline(now)
        if now >= self._clock_check_at:
            self._clock_check_at = inf
            if self._has_clock_jumped():
                self._send_time()
        self._follow_up(now)

    def handle(self, message: object) -> None:
        """See Service."""
        now = self._clock.monotonic()
        match message:
            case OutgoingText():
                self._report(self._queue.add(message, now), now)
            case QueueStatus():
                self._report(self._queue.on_queue_status(message.packet_id, message.result, now), now)
            case RouteRequest() | KeyQuestion():
                self._send_at_once(message)
            case KeyCure():
                self._report(self._queue.on_key_cure(message, now), now)
            case RoutingAnswer():
                self._on_routing(message, now)
            case AfterAnswer():
                self._pending_actions.add(message)
            case LinkChange():
                self._on_link(message, now)
            case ChannelLoad():
                self._report(self._queue.channel_load(message.utilization, now), now)
            case RestoredQueue() | SendLimits():
                self._change_queue(message, now)
        self._follow_up(now)

    def _change_queue(self, message: RestoredQueue | SendLimits, now: float) -> None:
        if isinstance(message, SendLimits):
            message.apply(self._queue)
        else:
            self._queue.restore(message.parts, now, self._clock.now().timestamp())

    def _on_link(self, change: LinkChange, now: float) -> None:
        self._link_up = change.up
        if change.up:
            self._queue.air.begin(change.air_tx, now)
            self._queue.link_up(now, change.boots, change.lora)
            self._has_clock_jumped()
            self._send_time()
        else:
            self._report(self._queue.link_down(), now)

    def _on_routing(self, answer: RoutingAnswer, now: float) -> None:
        reports = self._queue.on_routing(answer, now)
        if reports is not None:
            self._report(reports, now)
        elif count := self._powerless.count(now):
            LOGGER.warning(
                "🎭 %d accusé(s) de routage de qui ne peut les donner, sans effet: dernier, %s de 0x%08x",
                count,
                answer.error,
                answer.sender,
            )

    def _follow_up(self, now: float) -> None:
        """Send what may go, have the changes stored, plan the next check of the clock."""
        self._send_ready()
        for num, lacks in self._queue.cures.take_wanted().items():
            self._cure_key(num, lacks)
        self._log_holding()
        self._report_exhausted(now)
        queue = self._queue
        for each in (False, True):
            self._answer_at[each] = answer_at(queue.texts, queue.air, queue.interval, now, for_stranger=each)
        self._save_changes()
        watched = self._link_up or len(self._queue) > 0
        self._clock_check_at = min(self._clock_check_at, now + CLOCK_CHECK_EVERY) if watched else inf

    def _save_changes(self) -> None:
        if changes := self._queue.rows.take(self._clock_offset):
            self._save(changes)

    def _send_ready(self) -> None:
        while (packet := self._queue.take(self._clock.monotonic())) is not None:
            interface = self._interface_of()
            try:
                if interface is None:
                    raise ConnectionError("no link")
                # the node would refuse it, or take another channel for it
                if packet.to == BROADCAST_NUM and not interface.has_channel(packet.channel):
                    now = self._clock.monotonic()
                    self._report(self._queue.on_queue_status(packet.packet_id, NO_CHANNEL, now), now)
                    continue
                interface.send_text_packet(packet)
            except OSError as exc:
                LOGGER.debug("Paquet 0x%08x gardé pour le prochain lien: %s", packet.packet_id, exc)
                self._queue.not_sent()

    def _send_at_once(self, request: RouteRequest | KeyQuestion) -> None:
        if isinstance(request, RouteRequest):
            self._send_route_request(request)
        else:
            self._send_key_question(request)

    def _send_route_request(self, request: RouteRequest) -> None:
        """Send it now: the node paces texts apart from other kinds, and a late traceroute is worth nothing."""
        # it sets off packets all over the mesh, there and back
        now, air = self._clock.monotonic(), self._queue.air
        if self._queue.hold.holding or not air.spend_on_traceroute(now, for_stranger=request.for_stranger):
            request.not_sent(request.packet_id, NoRoute.BUSY)
            return
        interface = self._interface_of()
        try:
            if interface is None:
                raise ConnectionError("no link")
            interface.send_route_request(request.packet_id, request.to)
        except OSError as exc:
            LOGGER.debug("Traceroute 0x%08x non envoyé: %s", request.packet_id, exc)
            request.not_sent(request.packet_id, NoRoute.NO_LINK)

    def _send_key_question(self, question: KeyQuestion) -> None:
        if self._queue.hold.holding or not self._queue.air.spend_on_key_question(self._clock.monotonic()):
            LOGGER.debug("Clé de 0x%08x non demandée: canal occupé", question.to)
            return
        try:
            if (interface := self._interface_of()) is not None:
                interface.send_key_question(question.to)
        except OSError as exc:
            LOGGER.debug("Clé de 0x%08x non demandée: %s", question.to, exc)

    # -- the wall clock

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _has_clock_jumped(self) -> bool:
        """Return whether the wall clock has jumped; then every stored time is written again."""
        offset = self._offset()
        if abs(offset - self._clock_offset) < CLOCK_JUMP:
            return False
        self._clock_offset = offset
        self._queue.save_all()
        return True

    def _send_time(self) -> None:
        now, interface = self._clock.now(), self._interface_of()
        if interface is None or now < PLAUSIBLE_NOW:
            return
        try:
            interface.send_time(int(now.timestamp()))
        except OSError as exc:
            LOGGER.debug("Heure non transmise au nœud: %s", exc)

    # -- reports

    def _report(self, reports: Iterable[DeliveryReport], now: float) -> None:
        for report in reports:
            self._pending_actions.on_delivery_report(report)
            if self._listener is not None:
                self._listener.on_delivery_report(report)
            if report.status is DeliveryStatus.QUEUE_FULL:
                if count := self._queue_full.count(now):
                    LOGGER.warning("⚠️ Trop d'envois en attente: %d refusés", count)
                continue
            message = report.message
            detail = f" ({report.detail})" if report.detail else ""
            level = LEVELS.get(report.status, logging.WARNING)
            shown = NAMES[message.priority], message.to, report.status.value, detail
            LOGGER.log(level, "📤 %s à 0x%08x %s%s", *shown, extra=log.about(node=message.to))

    def _report_exhausted(self, now: float) -> None:
        """Tell who waits for air, unless the link or the channel keeps the text as well; log it once an hour."""
        air, hold = self._queue.air, self._queue.hold
        texts = waiting_for_air(self._queue.texts, air, now)
        for text in texts:
            if self._link_up and not hold.holds(text.message):
                self._report(queued_report(text, NO_AIR), now)
        if texts and self._exhausted.count(now):
            accounts = {account_of(text.message) for text in texts}
            LOGGER.warning(
                "📡 Temps d'émission de l'heure épuisé (%s; %.0f s en tout): ce qui reste attend",
                ", ".join(sorted(account.value for account in accounts)),
                air.limit / 1000,
            )

    def _log_holding(self) -> None:
        if self._queue.hold.holding == self._logged_holding:
            return
        self._logged_holding = self._queue.hold.holding
        if self._logged_holding:
            LOGGER.warning(
                "📶 Canal occupé à plus de %g %%: "
                "seuls partent les accusés de /mail et les réponses à un numéro prouvé",
                self._queue.hold.limit,
            )
        else:
            LOGGER.info("📶 Canal de nouveau libre: tout ce qui attend part")
