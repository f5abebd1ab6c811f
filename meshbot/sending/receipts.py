"""Delivery reports: the status of a text, and who gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from meshbot.sending.outgoing import Origin, OutgoingText


class DeliveryStatus(Enum):
    """The status of a text; the values are the log's words."""

    QUEUED = "en attente"
    ACCEPTED = "acceptée par le nœud"
    POSTPONED = "remise à plus tard"
    ACKNOWLEDGED = "acquittée par le destinataire"
    RELAYED = "relayée par un voisin, sans accusé du destinataire"
    UNANSWERED = "acceptée par le nœud, puis sans nouvelle du réseau"
    REFUSED = "refusée par le nœud"
    FAILED = "non remise"
    EXPIRED = "expirée avant l'envoi"
    UNCONFIRMED = "sans confirmation du nœud"
    QUEUE_FULL = "refusée, trop d'envois en attente"


WAITING: Final = frozenset({DeliveryStatus.QUEUED, DeliveryStatus.POSTPONED})
# What a text in the queue waits for, beside the texts before it
NO_LINK: Final = "NO_LINK"
BUSY_CHANNEL: Final = "BUSY_CHANNEL"
NO_AIR: Final = "NO_AIR"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """The status of one text."""

    message: OutgoingText
    status: DeliveryStatus
    detail: str = ""  # the reason in words, for the log
    reason: str = ""  # the same as a name: an error's (retry_policy.py), or what it waits for
    ahead: int = 0  # packets before it in the queue
    packet_ids: tuple[int, ...] = ()  # under which the node accepted it

    @property
    def is_end(self) -> bool:
        """Whether no other report follows; a text has one last report."""
        return self.status not in WAITING and not (self.status is DeliveryStatus.ACCEPTED and self.message.want_ack)


class ReportListener(Protocol):
    """Who gets the delivery reports."""

    def on_delivery_report(self, report: DeliveryReport) -> None:
        """Take a report; on the thread Mesh-Sender, so only fill an inbox."""


class ReportRouter:
    """A ReportListener that passes each report on by the type of its text's origin, and says who acknowledges."""

    def __init__(self, acknowledged: Callable[[int], object] = bool) -> None:
        """`acknowledged` gets the number of each node that has acknowledged a direct message."""
        self._acknowledged = acknowledged
        self._listeners: dict[type[Origin], Callable[[DeliveryReport], object]] = {}
        self._observers: list[Callable[[DeliveryReport], object]] = []

    def observe(self, observer: Callable[[DeliveryReport], object]) -> None:
        """Have every report go to `observer` too, which never waits; call it before the sender starts."""
        self._observers.append(observer)

    def route(self, origin: type[Origin], listener: Callable[[DeliveryReport], object]) -> None:
        """Report texts of that origin to `listener`, which only fills an inbox; call it before the sender starts."""
        self._listeners[origin] = listener

    def on_delivery_report(self, report: DeliveryReport) -> None:
        """See ReportListener."""
        for observe in self._observers:
            observe(report)
        if report.status is DeliveryStatus.ACKNOWLEDGED and not report.message.is_broadcast:
            self._acknowledged(report.message.to)
        origin = report.message.origin
        if origin is not None and (listener := self._listeners.get(type(origin))) is not None:
            listener(report)
