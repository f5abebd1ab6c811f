"""What a running bot reports, waited for."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from meshbot.commands.language import translator
from meshbot.runtime.incidents import Incident
from meshbot.telegram_bot.alerts.feed import Alerts
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from tests.support.waiting import PATIENCE


class Listener:
    """Takes a bot's incidents, and shows the alerts that its operators get."""

    def __init__(self) -> None:
        self.heard: list[Incident] = []
        self.messages: list[OutgoingMessage] = []
        self._alerts = Alerts([Chat(1)], translator("en"))
        self._alerts.on_reachable(0.0, datetime.now(UTC))
        self._changed = threading.Condition()

    def __call__(self, incident: Incident) -> None:
        """Take one, in any thread."""
        with self._changed:
            self.heard.append(incident)
            self.messages += self._alerts.on_incident(incident, 100.0 + len(self.heard), datetime.now(UTC))
            self._changed.notify_all()

    def of(self, *kinds: type[Incident]) -> list[Incident]:
        """Return those of these kinds so far."""
        return [incident for incident in self.heard if isinstance(incident, kinds)]

    def wait_for(self, kind: type[Incident], count: int = 1) -> Incident:
        """Return the `count`-th of a kind, waiting for it."""
        with self._changed:
            there = self._changed.wait_for(lambda: len(self.of(kind)) >= count, PATIENCE)
            assert there, f"{count} × {kind.__name__} did not come: {self.heard}"
            return self.of(kind)[count - 1]
