"""Fates on their way: each goes to the part of the program that the text came from."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.sending.outgoing import DeliveryReport


class ReportRouter:
    """A FateListener that tells others, each of the texts whose origin begins with its word and a colon."""

    def __init__(self) -> None:
        self._listeners: dict[str, Callable[[DeliveryReport], object]] = {}

    def route(self, word: str, listener: Callable[[DeliveryReport], object]) -> None:
        """Tell `listener`, which only fills an inbox, of the origins `word:…`; before the sender starts."""
        self._listeners[word] = listener

    def on_delivery_report(self, outcome: DeliveryReport) -> None:
        """See FateListener."""
        listener = self._listeners.get(outcome.message.origin.partition(":")[0])
        if listener is not None:
            listener(outcome)
