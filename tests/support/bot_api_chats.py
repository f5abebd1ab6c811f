"""Telegram's state: users, groups, the messages of each chat, and the updates that wait for the bot."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.bot_api_text import commands_in

FIRST_UPDATE = 700_000_001
FIRST_MESSAGE = 101
FORMER_TEXTS_KEPT = 100


@dataclass
class Shown:
    """One message as its chat shows it now; it changes as it is edited."""

    chat: int
    message_id: int
    sender: dict[str, Any]  # a User
    date: int
    text: str = ""  # a photo's caption
    entities: list[dict[str, Any]] = field(default_factory=list)
    topic: int | None = None  # message_thread_id
    reply_to: int | None = None
    silent: bool = False
    markup: list[list[dict[str, Any]]] = field(default_factory=list)  # inline_keyboard
    photo: bytes = b""
    content: dict[str, Any] = field(default_factory=dict)  # other fields of a Message
    edited: int | None = None  # date
    history: deque[str] = field(default_factory=lambda: deque(maxlen=FORMER_TEXTS_KEPT))  # former texts, oldest first
    reactions: list[str] = field(default_factory=list)  # the bot's emoji

    @property
    def by_bot(self) -> bool:
        """Whether the bot sent it."""
        return bool(self.sender["is_bot"])

    @property
    def buttons(self) -> list[list[str]]:
        """Return the buttons' texts, row by row."""
        return [[button["text"] for button in row] for row in self.markup]

    @property
    def texts(self) -> list[str]:
        """Return its texts over time, the present one last."""
        return [*self.history, self.text]

    def data(self, button_text: str) -> str:
        """Return the callback data of that button."""
        for button in itertools.chain.from_iterable(self.markup):
            if button["text"] == button_text:
                return str(button["callback_data"])
        raise AssertionError(f"no button {button_text!r} under {self.text!r}, only {self.buttons}")


@dataclass
class Room:
    """A chat."""

    id: int
    kind: str  # private, group, supergroup
    title: str
    forum: bool = False
    refusal: str = ""  # why the bot may not write: the description of a 403
    moved_to: int | None = None  # the supergroup that it became
    reactions_allowed: bool = True
    topics: dict[int, str] = field(default_factory=dict)
    shown: dict[int, Shown] = field(default_factory=dict)
    actions: deque[str] = field(default_factory=lambda: deque(maxlen=FORMER_TEXTS_KEPT))  # typing, upload_photo, …

    def described(self) -> dict[str, Any]:
        """Return the Chat object."""
        if self.kind == "private":
            return {"id": self.id, "type": self.kind, "first_name": self.title}
        return {"id": self.id, "type": self.kind, "title": self.title} | ({"is_forum": True} if self.forum else {})


class World:
    """Chats and updates; readers and writers hold `changed`, whose lock is reentrant."""

    def __init__(self, bot: dict[str, Any], clock: Callable[[], float], messages_kept: int) -> None:
        """`clock`: Unix seconds. `messages_kept`: in each chat, the oldest go."""
        self.changed = threading.Condition(threading.RLock())
        self.bot = bot
        self.clock = clock
        self.rooms: dict[int, Room] = {}
        self.users: dict[int, TelegramUser] = {}
        self.updates: deque[tuple[int, object]] = deque()
        self.webhook = ""
        self.callbacks: dict[str, bool] = {}  # id of a pressed button: may still be answered
        self.callback_answers: dict[str, dict[str, str]] = {}
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}  # (scope, language)
        self.allowed: list[str] = []  # allowed_updates of the last getUpdates that had them; empty: all kinds
        self._messages_kept = messages_kept
        self.last_update = FIRST_UPDATE - 1
        self._callback_ids = itertools.count(4_000_000_000_000_000_001)
        self._common_ids = itertools.count(FIRST_MESSAGE)  # private chats and small groups share their numbers
        self._supergroup_ids: dict[int, Iterator[int]] = {}

    @property
    def bot_user(self) -> dict[str, Any]:
        """Return the bot as the sender of a message."""
        return {name: self.bot[name] for name in ("id", "is_bot", "first_name", "username")}

    def next_message_id(self, room: Room) -> int:
        """Return the number of the chat's next message."""
        if room.kind != "supergroup":
            return next(self._common_ids)
        return next(self._supergroup_ids.setdefault(room.id, itertools.count(FIRST_MESSAGE)))

    def show(
        self, room: Room, sender: dict[str, Any], date: float | None = None, number: int | None = None, **fields: Any
    ) -> Shown:
        """Add a message to the chat; `number`: its message_id, if not the next."""
        with self.changed:
            number = self.next_message_id(room) if number is None else number
            shown = Shown(room.id, number, sender, int(self.clock() if date is None else date), **fields)
            self.keep(room, shown)
            return shown

    def keep(self, room: Room, shown: Shown) -> None:
        """Put a message where the chat shows it."""
        room.shown[shown.message_id] = shown
        if len(room.shown) > self._messages_kept:
            del room.shown[next(iter(room.shown))]
        self.changed.notify_all()

    def message(self, shown: Shown, *, with_reply: bool = True) -> dict[str, Any]:
        """Return the Message object."""
        room = self.rooms[shown.chat]
        message: dict[str, Any] = {
            "message_id": shown.message_id,
            "from": shown.sender,
            "chat": room.described(),
            "date": shown.date,
        }
        if shown.topic is not None:
            message["message_thread_id"] = shown.topic
            if shown.topic in room.topics:
                message["is_topic_message"] = True
        answered = room.shown.get(shown.reply_to or shown.topic or 0)
        if with_reply and answered is not None and answered is not shown:
            message["reply_to_message"] = self.message(answered, with_reply=False)
        if shown.edited is not None:
            message["edit_date"] = shown.edited
        if shown.markup:
            message["reply_markup"] = {"inline_keyboard": shown.markup}
        return message | self._content(shown)

    @staticmethod
    def _content(shown: Shown) -> dict[str, Any]:
        content = dict(shown.content)
        prefix = "caption_" if shown.photo or content else ""
        if shown.text:
            content["caption" if prefix else "text"] = shown.text
        if shown.entities:
            content[f"{prefix}entities"] = shown.entities
        return content

    def update(self, kind: str, content: object) -> None:
        """Queue an update for the bot, unless it does not want that kind."""
        with self.changed:
            if not self.allowed or kind in self.allowed:
                self.raw_update({kind: content})

    def raw_update(self, update: object) -> int:
        """Queue this as it is; a dictionary without update_id gets its number."""
        with self.changed:
            self.last_update += 1
            numbered = {"update_id": self.last_update} | update if isinstance(update, dict) else update
            self.updates.append((self.last_update, numbered))
            self.changed.notify_all()
            return self.last_update

    def next_callback(self) -> str:
        """Return the id of a button that is being pressed."""
        number = str(next(self._callback_ids))
        self.callbacks[number] = True
        return number


class Group:
    """A group that the bot is in; ids below -1000000000000 are supergroups."""

    def __init__(self, world: World, room: Room) -> None:
        self._world = world
        self.room = room
        self.id = room.id

    def topic(self, name: str, by: TelegramUser, number: int | None = None) -> int:
        """Let `by` open a topic; return its message_thread_id, `number` if given."""
        with self._world.changed:
            created = {"forum_topic_created": {"name": name, "icon_color": 0x6FB9F0}}
            shown = self._world.show(self.room, by.user_object, number=number, content=created)
            shown.topic = shown.message_id
            self.room.topics[shown.message_id] = name
            self._world.update("message", self._world.message(shown))
            return shown.message_id

    def forbids_reactions(self) -> None:
        """Take no reactions any more."""
        with self._world.changed:
            self.room.reactions_allowed = False

    def closes_topic(self, topic: int) -> None:
        """Delete a topic with its messages."""
        with self._world.changed:
            del self.room.topics[topic]
            for number in [n for n, shown in self.room.shown.items() if shown.topic == topic]:
                del self.room.shown[number]

    def removes_bot(self, by: TelegramUser) -> None:
        """Remove the bot."""
        with self._world.changed:
            kind = "supergroup" if self.room.kind == "supergroup" else "group"
            self.room.refusal = f"Forbidden: bot was kicked from the {kind} chat"
            member = {"user": self._world.bot}
            change = {
                "chat": self.room.described(),
                "from": by.user_object,
                "date": int(self._world.clock()),
                "old_chat_member": member | {"status": "member"},
                "new_chat_member": member | {"status": "kicked", "until_date": 0},
            }
            self._world.update("my_chat_member", change)

    def becomes_supergroup(self, new_id: int, by: TelegramUser) -> Group:
        """Move the group to another id, as Telegram does once it has many members."""
        with self._world.changed:
            room = Room(new_id, "supergroup", self.room.title)
            self._world.rooms[new_id] = room
            self.room.moved_to = new_id
            for where, what in ((self.room, {"migrate_to_chat_id": new_id}), (room, {"migrate_from_chat_id": self.id})):
                shown = self._world.show(where, by.user_object, content=what)
                self._world.update("message", self._world.message(shown))
            return Group(self._world, room)


class TelegramUser:
    """Someone with Telegram on the phone; chats with the bot alone unless a chat is named."""

    def __init__(self, world: World, user_id: int, name: str, language: str) -> None:
        self._world = world
        self.id = user_id
        self.user_object: dict[str, Any] = {"id": user_id, "is_bot": False, "first_name": name}
        if language:
            self.user_object["language_code"] = language

    def says(
        self,
        text: str,
        chat: int | Group | None = None,
        topic: int | None = None,
        reply_to: int | None = None,
        at: float | None = None,
    ) -> int:
        """Write; return the message id. `at`: the message's date, if not now."""
        return self._sends(chat, at, text=text, entities=commands_in(text), topic=topic, reply_to=reply_to)

    def sends(
        self, content: dict[str, Any], caption: str = "", chat: int | Group | None = None, topic: int | None = None
    ) -> int:
        """Send something else than text, as fields of a Message; return the message id."""
        return self._sends(chat, None, text=caption, content=content, topic=topic)

    def edits(self, message_id: int, text: str, chat: int | Group | None = None) -> None:
        """Change a message of one's own."""
        with self._world.changed:
            shown = self._room(chat).shown[message_id]
            shown.history.append(shown.text)
            shown.text, shown.entities, shown.edited = text, commands_in(text), int(self._world.clock())
            self._world.update("edited_message", self._world.message(shown))

    def presses(self, message: Shown | int, button_text: str, chat: int | Group | None = None) -> str:
        """Press a button; return the callback query's id."""
        with self._world.changed:
            shown = message if isinstance(message, Shown) else self._room(chat).shown[message]
            number = self._world.next_callback()
            query = {"id": number, "from": self.user_object, "chat_instance": str(shown.chat)}
            query |= {"message": self._world.message(shown), "data": shown.data(button_text)}
            self._world.update("callback_query", query)
            return number

    def blocks(self) -> Self:
        """Block the bot."""
        return self._refuses("Forbidden: bot was blocked by the user", "kicked")

    def unblocks(self) -> Self:
        """Unblock the bot."""
        return self._refuses("", "member")

    def _refuses(self, refusal: str, status: str) -> Self:
        with self._world.changed:
            room = self._world.rooms[self.id]
            old = "kicked" if room.refusal else "member"
            room.refusal = refusal
            members = {f"{age}_chat_member": self._member(s) for age, s in (("old", old), ("new", status))}
            change = {"chat": room.described(), "from": self.user_object, "date": int(self._world.clock())}
            change |= members
            self._world.update("my_chat_member", change)
        return self

    def _member(self, status: str) -> dict[str, Any]:
        return {"user": self._world.bot, "status": status} | ({"until_date": 0} if status == "kicked" else {})

    def _room(self, chat: int | Group | None) -> Room:
        return self._world.rooms[self.id if chat is None else chat.id if isinstance(chat, Group) else chat]

    def _sends(self, chat: int | Group | None, at: float | None, **fields: Any) -> int:
        with self._world.changed:
            room = self._room(chat)
            if room.kind == "private" and room.refusal.endswith("conversation with a user"):
                # a user's first message starts the conversation
                room.refusal = ""
            replied = room.shown.get(fields.get("reply_to") or 0)
            if replied is not None and fields.get("topic") is None and room.kind == "supergroup":
                # a thread begins at the message that is replied to
                fields["topic"] = replied.topic or replied.message_id
            shown = self._world.show(room, self.user_object, at, **fields)
            if self._bot_reads(room, shown):
                self._world.update("message", self._world.message(shown))
            return shown.message_id

    def _bot_reads(self, room: Room, shown: Shown) -> bool:
        """In a group the bot reads all messages, in privacy mode only commands and replies to itself."""
        if room.kind == "private":
            return True
        if room.refusal:
            return False
        answered = room.shown.get(shown.reply_to or 0)
        concerns = bool(shown.entities) or (answered is not None and answered.by_bot)
        return bool(self._world.bot["can_read_all_group_messages"]) or concerns
