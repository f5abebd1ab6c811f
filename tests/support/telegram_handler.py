"""An UpdateHandler made from settings, without Telegram and radio: updates in, messages and texts for the radio out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import inf
from queue import SimpleQueue
from typing import Any, Self

import assembly
from config import Settings
from meshbot.commands.registry import Command
from meshbot.mesh_link.messages import Channel
from meshbot.mesh_link.packets import NodeRecord
from meshbot.persistence import UpdatesHandled
from meshbot.sending.outgoing import OutgoingText
from meshbot.telegram_bot.handler import UpdateHandler
from meshbot.telegram_bot.models import Button, Chat, OutgoingMessage
from meshbot.telegram_bot.options import TelegramDependencies
from meshbot.telegram_bot.queue import Delivery
from meshbot.telegram_bot.updates import CallbackQuery, IncomingMessage
from tests.support.configured import make_limits
from tests.support.mesh_commands import OWN, MeshCommands
from tests.support.telegram_bot import GROUP, GUEST, USERS

PATIENCE = 60.0  # real seconds that a busy machine may take for a command
INTERVAL = 60.0  # seconds between two messages: Telegram's limits do not matter here


class HandlerHarness:
    """Starts the threads for commands with `with`, and waits for what they do."""

    def __init__(self, commands: Sequence[Command] = (), nodes: Sequence[NodeRecord] = (), **settings: Any) -> None:
        values = {"language": "en", "telegram_commands": 0, "telegram_users": USERS, "telegram_groups": (GROUP,)}
        self.settings = Settings(**values | settings)
        self.mesh = MeshCommands()
        self.mesh.manager.learn_from_node_database(nodes)
        self.clock = self.mesh.clock
        self.mesh_texts: list[OutgoingText] = []
        self.channels: tuple[Channel, ...] | None = None
        self.saved: list[UpdatesHandled] = []
        self.typing: list[Chat] = []
        self.query_answers: list[str] = []
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.keys = {}
        dependencies = TelegramDependencies(
            self.clock,
            commands,
            make_limits(),
            self.mesh.memory,
            lambda: OWN,
            self.mesh_texts.append,
            save_handled=self.saved.append,
            numbers=self.mesh.manager.numbers,
            with_key=self.mesh.manager.with_key,
            channels=lambda: self.channels,
            public_key=self.keys.get,
        )
        options = assembly.telegram_options(self.settings)
        self.handler = UpdateHandler(
            options, dependencies, self.inbox.put, self._answer_callback_query, self.typing.append
        )
        self._ids = count(1)
        self._now = 0.0

    def _answer_callback_query(self, _query_id: str, text: str) -> None:
        self.query_answers.append(text)

    # -- users

    def message(
        self, text: str, user: int = GUEST, chat: int | None = None, *, ago: float = 0.0, **details: Any
    ) -> IncomingMessage:
        """Return a message of that user, in private or in a group, sent `ago` seconds ago."""
        ident = next(self._ids)
        place = Chat(chat or user, details.pop("topic", None))
        sent_at = self.clock.now().timestamp() - ago
        title = "Group" if chat else ""
        return IncomingMessage(ident, place, ident, user, details.pop("name", "Gus"), text, sent_at, title, **details)

    def write(self, text: str, user: int = GUEST, chat: int | None = None, **details: Any) -> list[OutgoingMessage]:
        """Have a user write something; return what is sent for it, pictures too."""
        return self.update(self.message(text, user, chat, **details))

    def press(self, message: OutgoingMessage, label: str, user: int, message_id: int = 1) -> list[OutgoingMessage]:
        """Have a user press a button of a message; return what is sent for it."""
        button = next(button for row in message.keyboard for button in row if label in button.text)
        return self.press_button(button, user, message.chat, message_id)

    def press_button(self, button: Button, user: int, chat: Chat, message_id: int = 1) -> list[OutgoingMessage]:
        """Have a user press a button; return what is sent for it."""
        return self.update(CallbackQuery(next(self._ids), "query", user, "Gus", button.data, chat, message_id))

    def update(self, update: Any) -> list[OutgoingMessage]:
        """Have an update handled, with the commands that it starts; return what is sent for it."""
        self.handler.on_update(update)
        self.finish_commands()
        return self.messages()

    # -- results

    def finish_commands(self) -> None:
        """Wait for the running commands."""
        while self.handler.commands.executor.deadline < inf:
            message = self.inbox.get(timeout=PATIENCE)
            if isinstance(message, OutgoingMessage):
                self.handler.queue.add(message, 0.0)
            else:
                self.handler.commands.on_result(message)

    def deliveries(self) -> list[Delivery]:
        """Send all that is queued."""
        sent = []
        self._now += INTERVAL
        while (delivery := self.handler.queue.next(self._now)) is not None:
            self.handler.queue.sent(delivery, 1000 + delivery.number)
            self.handler.on_sent(delivery.message, 1000 + delivery.number)
            sent.append(delivery)
            self._now += INTERVAL
        return sent

    def messages(self) -> list[OutgoingMessage]:
        """Send all that is queued; return it."""
        return [delivery.message for delivery in self.deliveries()]

    def texts(self) -> list[str]:
        """Send all that is queued; return its texts."""
        return [message.text for message in self.messages()]

    def __enter__(self) -> Self:
        """Start the threads for commands."""
        self.handler.commands.executor.start(slow=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Ask them to end."""
        self.handler.commands.stop()
