"""What goes between the mesh and Telegram beside questions: joined conversations, the fates of texts, incidents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from meshbot.commands import Directory, Translate
from meshbot.mesh_link import TextMessage
from meshbot.runtime import Clock, Incident
from meshbot.sending import DeliveryReport, OutgoingText
from meshbot.telegram_bot import status
from meshbot.telegram_bot.alerts import Alerts
from meshbot.telegram_bot.bridge import Bridge, mesh_name
from meshbot.telegram_bot.models import Chat, Post
from meshbot.telegram_bot.updates import ChatMessage


@dataclass(frozen=True, slots=True)
class Crossing:
    """For the thread Telegram. What it returns is to be posted."""

    clock: Clock
    bridge: Bridge
    alerts: Alerts
    translate: Translate
    directory: Directory
    own_num: Callable[[], int]
    send_text: Callable[[OutgoingText], object]
    lifetime: float  # seconds that a text may wait for the radio

    def from_mesh(self, message: TextMessage | DeliveryReport | Incident) -> Sequence[Post]:
        """Show what the mesh says to joined chats, what became of their texts, and what operators should know."""
        match message:
            case TextMessage():
                name = mesh_name(message.sender, self.directory)
                return self.bridge.to_telegram(message, name, self.own_num())
            case DeliveryReport():
                fate = status.posts(message, mesh_name(message.message.to, self.directory), self.translate)
                return [*self.bridge.accepted(message), *fate]
            case _:
                return self.alerts.on_event(message, self.clock.monotonic(), self.clock.now())

    def is_joined(self, chat: Chat) -> bool:
        """Whether what is said there goes on air."""
        return self.bridge.joins(chat)

    def to_mesh(self, said: ChatMessage, chat: Chat) -> Post | None:
        """Have a message of a joined chat sent; return why not, if it is not. `chat` is its own as the settings say."""
        now = self.clock.monotonic()
        text = f"{said.media} {said.text}" if said.media else said.text
        sent = self.bridge.to_mesh(chat, said.message_id, said.name, text, now, reply_to=said.reply_to)
        if isinstance(sent, OutgoingText):
            self.send_text(replace(sent, expires_at=now + self.lifetime))
        return Post(said.chat, sent, reply_to=said.message_id, silent=True) if isinstance(sent, str) else None

    def posted(self, post: Post, message_id: int) -> None:
        """Note which message a post has become."""
        self.bridge.posted(post, message_id)

    def reached(self) -> Sequence[Post]:
        """Note that Telegram can be reached."""
        return self.alerts.on_reachable(self.clock.monotonic(), self.clock.now())

    def away(self) -> None:
        """Note that Telegram cannot be reached."""
        self.alerts.on_away(self.clock.monotonic())
