"""The thread Mesh-Sender: gives the outbox's packets to the current interface, and the node's answers to the outbox."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Protocol

from mesh_link.outbox import Fate, Outbox, Outcome, OutgoingText, TextPacket
from mesh_link.packets import RoutingAnswer
from mesh_link.session import QueueStatus
from mesh_link.tracer import RouteRequest
from runtime.clock import Clock
from runtime.service import Service
from runtime.throttle import Throttle

LOGGER = logging.getLogger(__name__)
PLAUSIBLE_NOW = datetime(2026, 1, 1, tzinfo=UTC)  # a Pi without network starts in its past: do not teach that
CLOCK_CHECK_EVERY = 60.0  # seconds between two looks at whether the wall clock has jumped
CLOCK_JUMP = 10.0  # seconds; a Pi without a clock of its own starts in the past and is put right minutes later
WAITING_LIMIT = 100  # packets: nearly four minutes of air; more would only expire, one log line each
REFUSED_SAID_EVERY = 60.0  # seconds
SILENT_FATES = frozenset({Fate.ACCEPTED, Fate.ACKNOWLEDGED, Fate.RELAYED})


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


class MeshSender(Service):
    """Takes OutgoingText, RouteRequest, QueueStatus, RoutingAnswer and LinkChange."""

    name = "Mesh-Sender"

    def __init__(self, clock: Clock, outbox: Outbox, interface_of: Callable[[], SendingInterface | None]) -> None:
        super().__init__(clock)
        self._outbox = outbox
        self._refused = Throttle(REFUSED_SAID_EVERY)
        self._interface_of = interface_of  # asked at each packet: nobody keeps a copy of the interface
        self._clock_check_at = inf  # while the link is up
        self._told_offset = 0.0  # between wall and monotonic time, when the node was last told the time

    def deadline(self) -> float:
        """See Service."""
        return min(self._outbox.deadline, self._clock_check_at)

    def on_deadline(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        self._say(self._outbox.on_deadline(now))
        if now >= self._clock_check_at:
            self._clock_check_at = now + CLOCK_CHECK_EVERY
            if abs(self._offset() - self._told_offset) >= CLOCK_JUMP:
                self._tell_time()
        self._pump()

    def handle(self, message: object) -> None:
        """See Service."""
        now = self._clock.monotonic()
        match message:
            case OutgoingText():
                self._add(message, now)
            case QueueStatus():
                self._say(self._outbox.on_queue_status(message.packet_id, message.result, now))
            case RouteRequest():
                self._send_route_request(message)
            case RoutingAnswer():
                self._say(self._on_routing(message))
            case LinkChange(up=True):
                self._outbox.link_up()
                self._clock_check_at = now + CLOCK_CHECK_EVERY
                self._tell_time()
            case LinkChange(up=False):
                self._outbox.link_down()
                self._clock_check_at = inf
        self._pump()

    def _add(self, message: OutgoingText, now: float) -> None:
        if len(self._outbox) < WAITING_LIMIT:
            self._outbox.add(message)
        elif count := self._refused.count(now):
            LOGGER.warning("⚠️ Trop de réponses en attente: %d refusées", count)

    def _on_routing(self, answer: RoutingAnswer) -> list[Outcome]:
        return self._outbox.on_routing(answer.request_id, answer.error, sender=answer.sender)

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
        interface = self._interface_of()
        try:
            if interface is None:
                raise ConnectionError("no link")
            interface.send_route_request(request.packet_id, request.to)
        except OSError as exc:
            LOGGER.debug("Traceroute 0x%08x non envoyé: %s", request.packet_id, exc)
            request.not_sent(request.packet_id)

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _tell_time(self) -> None:
        self._told_offset = self._offset()
        now, interface = self._clock.now(), self._interface_of()
        if interface is None or now < PLAUSIBLE_NOW:
            return
        try:
            interface.send_time(int(now.timestamp()))
        except OSError as exc:
            LOGGER.debug("Heure non transmise au nœud: %s", exc)

    def _say(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            level = logging.DEBUG if outcome.fate in SILENT_FATES else logging.WARNING
            packet = outcome.packet
            detail = f" ({outcome.detail})" if outcome.detail else ""
            LOGGER.log(level, "📤 Réponse à 0x%08x %s%s", packet.to, outcome.fate.value, detail)
