"""Alerts on a clock that a test moves, and the chats as their readers see them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from meshbot.commands.language import translator
from meshbot.runtime.incidents import Incident
from meshbot.telegram_bot.alerts.feed import Alerts
from meshbot.telegram_bot.models import Chat, Post

PARIS = timezone(timedelta(hours=1))
HERE, THERE = Chat(11), Chat(-1002, 5)


class Reader:
    """Telegram's side: what each message of a chat shows, in the order of their beginnings."""

    def __init__(self, *chats: Chat, language: str = "en", reachable: bool = True) -> None:
        self.alerts = Alerts(chats or (HERE,), translator(language))
        self.now = 1000.0
        self.wall = datetime(2026, 3, 4, 14, 0, tzinfo=PARIS)
        self.posts: list[Post] = []
        self.shown: dict[tuple[Chat, str], str] = {}
        if reachable:
            self.come_back()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.wall += timedelta(seconds=seconds)

    def hear(self, incident: Incident, after: float = 0.0) -> list[Post]:
        """Let it happen, and return what is posted at that."""
        self.wait(after)
        return self._show(self.alerts.on_event(incident, self.now, self.wall))

    def go_away(self) -> None:
        """Lose Telegram."""
        self.alerts.on_away(self.now)

    def come_back(self) -> list[Post]:
        """Have Telegram again."""
        return self._show(self.alerts.on_reachable(self.now, self.wall))

    def texts(self, chat: Chat = HERE) -> list[str]:
        """Return the chat's messages."""
        return [text for (where, _key), text in self.shown.items() if where == chat]

    def _show(self, posts: list[Post]) -> list[Post]:
        self.posts += posts
        for post in posts:
            self.shown[post.chat, post.key] = post.text
        return posts
