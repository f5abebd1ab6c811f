"""The thread Mesh-Sender: gives the outbox's packets to the current interface, and the node's answers to the outbox."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Final, Protocol

from meshbot.mesh_link import QueueStatus, RoutingAnswer, TextPacket
from meshbot.runtime import Clock, Service, Throttle
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.sending.queue import SendQueue
from meshbot.sending.queued_text import Changes, SavedPart
from meshbot.sending.receipts import WAITING, DeliveryReport, DeliveryStatus, ReportListener
from meshbot.sending.traceroute import NoRoute, RouteRequest

LOGGER = logging.getLogger(__name__)
PLAUSIBLE_NOW = datetime(2026, 1, 1, tzinfo=UTC)  # a Pi without network starts in its past: do not teach that
CLOCK_CHECK_EVERY = 60.0  # seconds between two looks at whether the wall clock has jumped
CLOCK_JUMP = 10.0  # seconds; a Pi without a clock of its own starts in the past and is put right minutes later
REFUSED_SAID_EVERY = 60.0  # seconds
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

    def send_route_request(self, packet_id: int, to: int) -> None:
        """Write one traceroute; OSError if the link is gone."""

    def send_time(self, seconds: int) -> None:
        """Tell the node the time; OSError if the link is gone."""


@dataclass(frozen=True, slots=True)
class LinkChange:
    """Whether packets may flow from now on."""

    up: bool
    boots: int = 0  # the node's count of its reboots; 0: unknown


@dataclass(frozen=True, slots=True)
class ChannelLoad:
    """What our own node measured."""

    utilization: float  # percent of the channel's time


@dataclass(frozen=True, slots=True)
class SavedOutbox:
    """What an earlier process left to send."""

    parts: Sequence[SavedPart]


@dataclass(frozen=True, eq=False, slots=True)
class AfterAnswer:
    """Do `action`, which must not wait, once the node has taken the answer to `reply_id`, at `until` at the latest."""

    to: int  # where the answer goes
    reply_id: int  # packet id of the question
    action: Callable[[], None]
    until: float  # monotonic seconds


class Afterwards:
    """Orders in waiting. Each is done once."""

    def __init__(self) -> None:
        self._orders: list[AfterAnswer] = []

    @property
    def deadline(self) -> float:
        """When `on_deadline` has something to do; inf for never."""
        return min((order.until for order in self._orders), default=inf)

    def add(self, order: AfterAnswer) -> None:
        """Take an order before its answer."""
        self._orders.append(order)

    def on_outcome(self, outcome: DeliveryReport) -> None:
        """Do what waited for this answer, whatever became of it: the wait is over, unless it is yet to be sent."""
        if outcome.status not in WAITING:
            answer = outcome.message
            self._do([o for o in self._orders if (o.to, o.reply_id) == (answer.to, answer.reply_id)])

    def on_deadline(self, now: float) -> None:
        """Do what has waited long enough."""
        self._do([order for order in self._orders if order.until <= now])

    def _do(self, orders: list[AfterAnswer]) -> None:
        for order in orders:
            self._orders.remove(order)
            order.action()


class MeshSender(Service):
    """Takes what is to be sent, what the node says of it, and what else bears on the sending: see `handle`."""

    name = "Mesh-Sender"

    def __init__(
        self,
        clock: Clock,
        outbox: SendQueue,
        interface_of: Callable[[], SendingInterface | None],
        save: Callable[[Changes], object],
        listener: ReportListener | None = None,
    ) -> None:
        """`save` only puts into an inbox: nothing here waits for the disk."""
        super().__init__(clock)
        self._outbox = outbox
        self._afterwards = Afterwards()
        self._interface_of = interface_of  # asked at each packet: nobody keeps a copy of the interface
        self._save = save
        self._listener = listener
        self._turned_away = Throttle(REFUSED_SAID_EVERY)
        self._said_holding = False
        self._link_up = False
        self._clock_check_at = inf  # while there is something whose times matter
        self._known_offset = self._offset()  # between wall and monotonic time

    @property
    def waiting(self) -> int:
        """How many packets the node has not confirmed yet; any thread may ask."""
        return len(self._outbox)

    @property
    def holding(self) -> bool:
        """Whether the channel is so busy that only answers to direct messages go; any thread may ask."""
        return self._outbox.holding

    def deadline(self) -> float:
        """See Service."""
        return min(self._outbox.deadline, self._clock_check_at, self._afterwards.deadline)

    def on_deadline(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        self._say(self._outbox.on_deadline(now), now)
        self._afterwards.on_deadline(now)
        if now >= self._clock_check_at:
            self._clock_check_at = inf
            if self._note_clock():
                self._tell_time()
        self._follow_up(now)

    def handle(self, message: object) -> None:
        """See Service."""
        now = self._clock.monotonic()
        match message:
            case OutgoingText():
                self._say(self._outbox.add(message, now), now)
            case QueueStatus():
                self._say(self._outbox.on_queue_status(message.packet_id, message.result, now), now)
            case RouteRequest():
                self._send_route_request(message)
            case RoutingAnswer():
                answered = self._outbox.on_routing(message.request_id, message.error, now, sender=message.sender)
                self._say(answered, now)
            case AfterAnswer():
                self._afterwards.add(message)
            case LinkChange():
                self._on_link(message, now)
            case ChannelLoad():
                self._say(self._outbox.channel_load(message.utilization, now), now)
            case SavedOutbox():
                self._outbox.restore(message.parts, now, self._clock.now().timestamp())
        self._follow_up(now)

    def _on_link(self, change: LinkChange, now: float) -> None:
        self._link_up = change.up
        if change.up:
            self._outbox.link_up(now, change.boots)
            self._note_clock()
            self._tell_time()
        else:
            self._say(self._outbox.link_down(), now)

    def _follow_up(self, now: float) -> None:
        """Send what may go, then have written down what has changed, then see to the clock."""
        self._pump()
        self._say_holding()
        changes = self._outbox.take_changes(self._known_offset)
        if changes:
            self._save(changes)
        watched = self._link_up or len(self._outbox) > 0
        self._clock_check_at = min(self._clock_check_at, now + CLOCK_CHECK_EVERY) if watched else inf

    def _pump(self) -> None:
        while (packet := self._outbox.take(self._clock.monotonic())) is not None:
            interface = self._interface_of()
            try:
                if interface is None:
                    raise ConnectionError("no link")
                interface.send_text_packet(packet)
            except OSError as exc:
                LOGGER.debug("Paquet 0x%08x gardé pour le prochain lien: %s", packet.packet_id, exc)
                self._outbox.not_sent()

    def _send_route_request(self, request: RouteRequest) -> None:
        """Send it now: the node paces texts apart from other kinds, and an old question is worth nothing."""
        if self._outbox.holding:  # it sets off packets all over the mesh, twice
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

    # -- the wall clock

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _note_clock(self) -> bool:
        """Return whether the wall clock has jumped; then what was written down is written anew."""
        offset = self._offset()
        if abs(offset - self._known_offset) < CLOCK_JUMP:
            return False
        self._known_offset = offset
        self._outbox.touch()
        return True

    def _tell_time(self) -> None:
        now, interface = self._clock.now(), self._interface_of()
        if interface is None or now < PLAUSIBLE_NOW:
            return
        try:
            interface.send_time(int(now.timestamp()))
        except OSError as exc:
            LOGGER.debug("Heure non transmise au nœud: %s", exc)

    # -- words

    def _say(self, outcomes: Iterable[DeliveryReport], now: float) -> None:
        for outcome in outcomes:
            self._afterwards.on_outcome(outcome)
            if outcome.message.origin is not None and self._listener is not None:
                self._listener.on_delivery_report(outcome)
            if outcome.status is DeliveryStatus.TURNED_AWAY:
                if count := self._turned_away.count(now):
                    LOGGER.warning("⚠️ Trop d'envois en attente: %d refusés", count)
                continue
            message = outcome.message
            detail = f" ({outcome.detail})" if outcome.detail else ""
            level = LEVELS.get(outcome.status, logging.WARNING)
            LOGGER.log(level, "📤 %s à 0x%08x %s%s", NAMES[message.priority], message.to, outcome.status.value, detail)

    def _say_holding(self) -> None:
        if self._outbox.holding == self._said_holding:
            return
        self._said_holding = self._outbox.holding
        if self._said_holding:
            LOGGER.warning(
                "📶 Canal occupé à plus de %g %%: seules partent les réponses aux messages directs",
                self._outbox.utilization_limit,
            )
        else:
            LOGGER.info("📶 Canal de nouveau libre: tout ce qui attend part")
