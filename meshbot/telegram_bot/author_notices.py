"""What the author of a message that is not relayed gets: once an hour the reason in words, in between a reaction.

Pure: it returns messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meshbot.commands import DAY, Translate
from meshbot.commands import mark as _
from meshbot.mesh_link import TextMessage
from meshbot.runtime import RecentKeys
from meshbot.sending import OutgoingText
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.queue import RateLimit
from meshbot.telegram_bot.updates import IncomingMessage
from meshbot.telegram_bot.users import OncePerHour

# Hints by radio, in so many seconds: air is scarce, and numbers can be forged
HINTS_LIMIT: Final = (5, 3600.0)
REMEMBERED: Final = 1000  # edited messages
# Reactions on what stays here, and on what was changed after it had been read
NOT_RELAYED, EDIT_IGNORED = "🙊", "✍"


class AuthorNotices:
    """What authors in Telegram get; for one thread."""

    def __init__(self) -> None:
        self._explained = OncePerHour()  # to chats
        self._changed: RecentKeys[tuple[int, int], None] = RecentKeys(REMEMBERED)  # by chat and message id

    def not_relayed(self, message: IncomingMessage, words: str, now: float) -> OutgoingMessage:
        """Return what tells the author that the message stays where it is, and why."""
        if self._explained.is_due(message.chat.id, now):
            reply_to = message.message_id if message.title else None
            return OutgoingMessage(message.chat, words, reply_to=reply_to, silent=True)
        return self.reaction(message, NOT_RELAYED)

    def edit_ignored(self, message: IncomingMessage, tr: Translate) -> OutgoingMessage | None:
        """Return what tells the author, once a message, that its new text is not read."""
        key = message.chat.id, message.message_id
        if key in self._changed:
            return None
        self._changed.put(key, None)
        return self.reaction(message, EDIT_IGNORED, tr(_("✍️ Changes are not read: please send it again.")))

    @staticmethod
    def reaction(message: IncomingMessage, emoji: str, words: str = "") -> OutgoingMessage:
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


class RadioHints:
    """For one thread: tells the authors of commands on a joined channel, where nobody answers, where to send them."""

    def __init__(self, translate: Translate, answer_ttl: Callable[[], float]) -> None:
        """`answer_ttl` returns the seconds that a hint may wait for the radio."""
        self._translate = translate
        self._answer_ttl = answer_ttl
        self._limit = RateLimit([HINTS_LIMIT])
        self._sent = OncePerHour(DAY)

    def about(self, message: TextMessage, now: float) -> OutgoingText | None:
        """Return a direct message to the author, once a day, None: none now."""
        if self._limit.ready_at() > now or not self._sent.is_due(message.sender, now):
            return None
        self._limit.note(now)
        text = self._translate(_("💬 Commands stay out of the channel: send them to me as a direct message."))
        return OutgoingText(text, message.sender, want_ack=True, expires_at=now + self._answer_ttl())
