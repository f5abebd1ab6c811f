"""What is said to the author of a message that is not passed on: once an hour in words, in between by a reaction.

Pure: it returns messages.
"""

from __future__ import annotations

from typing import Final

from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.runtime import RecentKeys
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.updates import IncomingMessage
from meshbot.telegram_bot.users import OncePerHour

REMEMBERED: Final = 1000  # edited messages
# Reactions on what stays here, and on what was changed after it had been read
STAYS, CHANGED = "🙊", "✍"


class HeldBack:
    """For one thread."""

    def __init__(self) -> None:
        self._words = OncePerHour()  # to chats
        self._changed: RecentKeys[tuple[int, int], None] = RecentKeys(REMEMBERED)  # by chat and message id

    def stays(self, message: IncomingMessage, words: str, now: float) -> OutgoingMessage:
        """Return what tells the author that the message stays where it is, and why."""
        if self._words.is_due(message.chat.id, now):
            reply_to = message.message_id if message.title else None
            return OutgoingMessage(message.chat, words, reply_to=reply_to, silent=True)
        return self.reacted(message, STAYS)

    def changed(self, message: IncomingMessage, tr: Translate) -> OutgoingMessage | None:
        """Return what tells the author, once a message, that its new text is not read."""
        key = message.chat.id, message.message_id
        if key in self._changed:
            return None
        self._changed.put(key, None)
        return self.reacted(message, CHANGED, tr(_("✍️ Changes are not read: please send it again.")))

    @staticmethod
    def reacted(message: IncomingMessage, emoji: str, words: str = "") -> OutgoingMessage:
        """Return a reaction, with the words that a group without reactions gets instead."""
        key = f"held:{message.message_id}"
        return OutgoingMessage(
            Chat(message.chat.id, message.chat.topic),
            words,
            key,
            reply_to=message.message_id,
            silent=True,
            can_wait=True,
            reaction=emoji,
        )
