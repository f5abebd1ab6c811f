"""Alerts on a clock that a test moves, and the chats as their readers see them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from meshbot.commands.language import translator
from meshbot.runtime.incidents import Incident
from meshbot.telegram_bot.alerts.feed import Alerts
from meshbot.telegram_bot.models import Chat, OutgoingMessage

PARIS = timezone(timedelta(hours=1))
CHAT, OTHER_CHAT = Chat(11), Chat(-1002, 5)


class AlertReader:
    """What each alert chat shows, in the order in which its messages were sent."""

    def __init__(self, *chats: Chat, language: str = "en", reachable: bool = True) -> None:
        self.alerts = Alerts(chats or (CHAT,), translator(language))
        self.now = 1000.0
        self.wall = datetime(2026, 3, 4, 14, 0, tzinfo=PARIS)
        self.messages: list[OutgoingMessage] = []
        self._texts: dict[tuple[Chat, str], str] = {}
        if reachable:
            self.reconnect()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.wall += timedelta(seconds=seconds)

    def report(self, incident: Incident, after: float = 0.0) -> list[OutgoingMessage]:
        """Report an incident after so many seconds; return what is sent."""
        self.wait(after)
        return self._show(self.alerts.on_incident(incident, self.now, self.wall))

    def disconnect(self) -> None:
        """Make Telegram unreachable."""
        self.alerts.on_unreachable(self.now)

    def reconnect(self) -> list[OutgoingMessage]:
        """Make Telegram reachable; return what is sent."""
        return self._show(self.alerts.on_reachable(self.now, self.wall))

    def texts(self, chat: Chat = CHAT) -> list[str]:
        """Return the texts that the chat shows."""
        return [text for (where, _key), text in self._texts.items() if where == chat]

    def _show(self, messages: list[OutgoingMessage]) -> list[OutgoingMessage]:
        self.messages += messages
        for message in messages:
            self._texts[message.chat, message.key] = message.text
        return messages
