"""Delivery reports on their way: each goes to the part of the program that sent the text."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.sending.outgoing import DeliveryReport, Origin


class ReportRouter:
    """A ReportListener that passes each report on by the type of its text's origin."""

    def __init__(self) -> None:
        self._listeners: dict[type[Origin], Callable[[DeliveryReport], object]] = {}

    def route(self, origin: type[Origin], listener: Callable[[DeliveryReport], object]) -> None:
        """Report texts of that origin to `listener`, which only fills an inbox; call it before the sender starts."""
        self._listeners[origin] = listener

    def on_delivery_report(self, outcome: DeliveryReport) -> None:
        """See ReportListener."""
        origin = outcome.message.origin
        if origin is not None and (listener := self._listeners.get(type(origin))) is not None:
            listener(outcome)
