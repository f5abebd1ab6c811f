"""What a Telegram chat is to show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat, a group, or one topic of a group."""

    id: int
    topic: int | None = None  # message_thread_id


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message."""

    text: str
    data: str  # what comes back when it is pressed, at most 64 bytes


@dataclass(frozen=True, slots=True)
class Post:
    """One message as it is to look. Posts of the same chat and key are one message: the first is sent, others edit it.

    Who waits to be sent is replaced by its successor, so a message that changes often costs few requests.
    """

    chat: Chat
    text: str  # at most 4096 characters; a photo's caption at most 1024
    key: str = ""  # empty: a message of its own, never edited
    reply_to: int | None = None  # message id in that chat
    silent: bool = False  # shown without sound
    fixed: bool = False  # in a fixed-width font, for tables
    buttons: tuple[tuple[Button, ...], ...] = ()  # rows
    photo: bytes = b""  # PNG; the text is its caption
    can_wait: bool = False  # until the chat's other posts have gone
    reaction: str = (
        ""  # an emoji of those that Telegram knows: put on the message `reply_to`, and nothing else is shown
    )
