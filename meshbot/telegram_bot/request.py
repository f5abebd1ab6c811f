"""What a question from Telegram carries through the commands, to where its answer goes."""

from __future__ import annotations

from dataclasses import dataclass

from meshbot.commands import Request
from meshbot.telegram_bot.models import Button, Chat, Post
from meshbot.telegram_bot.users import AllowedUser


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """Where a question was put, by whom; its answers, interim ones too, are one message."""

    update_id: int
    chat: Chat
    message_id: int  # of the question, or of the message whose button was pressed
    person: AllowedUser
    name: str
    title: str  # of the group; empty: a private chat
    key: str  # of the answer
    owner: int = 0  # whose question the message with the button answers; 0: the same person's

    def answer(self, text: str, buttons: tuple[tuple[Button, ...], ...] = ()) -> Post:
        """Return the answer as a post."""
        return Post(self.chat, text, self.key, self.message_id if self.title else None, buttons=buttons)


@dataclass(frozen=True, slots=True)
class TelegramRequest(Request):
    """A Request that also tells where on Telegram it was put."""

    asked: ChatQuestion | None = None
