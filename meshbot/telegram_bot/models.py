"""Chats and their users, the commands that they send, and the messages that they get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from meshbot.commands import NO_NODES, NodeList, Request, Role, User

# A forum's topic General has this number, which Telegram takes from no bot: its messages go without one
GENERAL_TOPIC: Final = 1


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat, a group, or one topic of a group."""

    id: int
    topic: int | None = None  # message_thread_id


@dataclass(frozen=True, slots=True)
class Button:
    """A button of an inline keyboard."""

    text: str
    data: str  # callback_data, at most 64 bytes


Keyboard = tuple[tuple[Button, ...], ...]  # an inline keyboard, by rows


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message as it is to look. Those of the same chat and key are one message: the first is sent, others edit it.

    One that waits in the queue is replaced by its successor, so a message that changes often costs few requests.
    """

    chat: Chat
    text: str  # at most 4096 characters; a photo's caption at most 1024
    key: str = ""  # empty: a message of its own, never edited
    reply_to: int | None = None  # message id in that chat
    silent: bool = False  # without a notification sound
    fixed: bool = False  # in a fixed-width font, for tables
    keyboard: Keyboard = ()
    photo: bytes = b""  # PNG; the text is its caption
    can_wait: bool = False  # until the chat's other messages are sent
    # An emoji that Telegram allows as a reaction: it is put on the message `reply_to`, and no message is sent. In a
    # group that forbids reactions the text is sent instead, nothing if it is empty
    reaction: str = ""


@dataclass(frozen=True, slots=True)
class AllowedUser:
    """A user whom the operator listed."""

    id: int
    role: Role
    node: NodeList = NO_NODES  # the user's own mesh node, if there is one

    @property
    def command_user(self) -> User:
        """Return the user as the commands know one."""
        return User(f"telegram:{self.id}", self.role)


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """Where a command was sent, and by whom; its answers, interim ones too, are one message."""

    update_id: int
    chat: Chat
    message_id: int  # of the command, or of the message whose button was pressed
    user: AllowedUser
    name: str
    title: str  # of the group; empty: a private chat
    key: str  # of the answer
    owner: int = 0  # the user whose command the message with the button answers; 0: the same user
    language_code: str = ""  # of the user's phone; empty: not told
    # The node and packet that the text answers by being a reply to its message; None: it answers none
    answers: tuple[int, int] | None = None

    def answer(self, text: str, keyboard: Keyboard = ()) -> OutgoingMessage:
        """Return the message that answers it."""
        return OutgoingMessage(self.chat, text, self.key, self.message_id if self.title else None, keyboard=keyboard)


@dataclass(frozen=True, slots=True)
class TelegramRequest(Request):
    """A Request with its place on Telegram."""

    question: ChatQuestion | None = None
