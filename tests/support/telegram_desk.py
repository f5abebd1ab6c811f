"""The desk as the settings make it, without Telegram and radio: updates in, posts and texts for the radio out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from math import inf
from queue import SimpleQueue
from typing import Any, Self

from commands.registry import Command
from config import Settings
from mesh_link.outgoing import OutgoingText
from mesh_link.packets import NodeRecord
from telegram_bot.building import Surroundings, desk_parts
from telegram_bot.desk import Desk
from telegram_bot.incoming import Pressed, Said
from telegram_bot.outgoing import Delivery
from telegram_bot.posts import Button, Chat, Post
from tests.support.configured import make_limits
from tests.support.mesh_commands import OWN, MeshCommands
from tests.support.telegram_bot import GROUP, GUEST, USERS

PATIENCE = 60.0  # real seconds that a busy machine may take for a command
PACE = 60.0  # seconds between two posts: no limit of Telegram's matters here


class TelegramDesk:
    """Starts with `with`. What the desk asks of its threads is waited for."""

    def __init__(self, commands: Sequence[Command] = (), nodes: Sequence[NodeRecord] = (), **settings: Any) -> None:
        values = {"language": "en", "rate_limit_commands": 0, "telegram_users": USERS, "telegram_groups": (GROUP,)}
        self.settings = Settings(**values | settings)
        self.mesh = MeshCommands()
        self.mesh.manager.learn_from_node_database(nodes)
        self.clock = self.mesh.clock
        self.sent: list[OutgoingText] = []
        self.press_words: list[str] = []
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        around = Surroundings(
            self.clock,
            commands,
            make_limits(),
            self.mesh.memory,
            lambda: OWN,
            self.sent.append,
            lambda _ids: None,
            keeps_handled=False,
        )
        self.parts = desk_parts(self.settings, around, self)  # type: ignore[arg-type]  # what it uses of a bot is here
        self.desk = Desk(self.parts)
        self._numbers = count(1)
        self._posts_time = 0.0

    # -- what the desk's parts use of the bot

    def tell(self, message: object) -> None:
        """Take what a worker has made."""
        self.inbox.put(message)

    def answer_press(self, _query_id: str, text: str) -> None:
        """Take the word for the one who pressed."""
        self.press_words.append(text)

    # -- people

    def said(self, text: str, user: int = GUEST, chat: int | None = None, *, ago: float = 0.0, **details: Any) -> Said:
        """Return a message of that user, in private or in a group."""
        number = next(self._numbers)
        room = Chat(chat or user, details.pop("topic", None))
        sent_at = self.clock.now().timestamp() - ago
        title = "Group" if chat else ""
        return Said(number, room, number, user, details.pop("name", "Gus"), text, sent_at, title, **details)

    def says(self, text: str, user: int = GUEST, chat: int | None = None, **details: Any) -> list[Post]:
        """Have somebody say something; return what is posted for it, pictures too."""
        return self.take(self.said(text, user, chat, **details))

    def presses(self, post: Post, label: str, user: int, message_id: int = 1) -> list[Post]:
        """Have somebody press a button; return what is posted for it."""
        button = next(button for row in post.buttons for button in row if label in button.text)
        return self.take_press(button, user, post.chat, message_id)

    def take_press(self, button: Button, user: int, chat: Chat, message_id: int = 1) -> list[Post]:
        """Have a button pressed."""
        return self.take(Pressed(next(self._numbers), "query", user, "Gus", button.data, chat, message_id))

    def take(self, update: Any) -> list[Post]:
        """Have an update acted upon, whatever it sets going included."""
        self.desk.take(update)
        self.work()
        return self.posts()

    # -- what comes of it

    def work(self) -> None:
        """Wait for the commands under work."""
        while self.parts.workshop.deadline < inf:
            message = self.inbox.get(timeout=PATIENCE)
            if isinstance(message, Post):
                self.parts.posts.add(message, 0.0)
            else:
                self.desk.result(message)

    def deliveries(self) -> list[Delivery]:
        """Send all that waits."""
        sent = []
        self._posts_time += PACE
        while (delivery := self.parts.posts.next(self._posts_time)) is not None:
            self.parts.posts.sent(delivery, 1000 + delivery.number)
            self.desk.posted(delivery.post, 1000 + delivery.number)
            sent.append(delivery)
            self._posts_time += PACE
        return sent

    def posts(self) -> list[Post]:
        """Send all that waits; return it."""
        return [delivery.post for delivery in self.deliveries()]

    def texts(self) -> list[str]:
        """Send all that waits; return how it reads."""
        return [post.text for post in self.posts()]

    def use(self, **parts: Any) -> None:
        """Have the desk work with other parts."""
        self.parts = replace(self.parts, **parts)
        self.desk = Desk(self.parts)

    def __enter__(self) -> Self:
        """Start the threads for commands."""
        self.parts.workshop.start(slow=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Ask them to end."""
        self.parts.workshop.stop()
