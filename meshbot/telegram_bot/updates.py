"""What Telegram says, as frozen dataclasses: each update is read by itself, so that a bad one costs no other; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import telegram

from meshbot.telegram_bot.failures import OddAnswerError
from meshbot.telegram_bot.models import Chat
from meshbot.text import one_line

WANTED: Final = ("message", "callback_query")  # edited messages and posts of channels are no questions
NAME_SHOWN: Final = 40  # characters
MOST_UPDATE: Final = 2**32  # update ids are 32-bit numbers
MOST_ID: Final = 2**53  # of chats, people and messages, as documented


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message that a person wrote."""

    update_id: int
    chat: Chat
    message_id: int
    user_id: int  # 0: the chat itself speaks, and nobody can tell who
    name: str
    text: str  # of a photo its caption; empty: something without words
    sent_at: float  # seconds since 1970, by Telegram's clock
    title: str = ""  # of the group; empty: a private chat
    is_forwarded: bool = False
    reply_to: int | None = None  # the message that it answers
    media: str = ""  # an emoji for the photo or file that the text is the caption of


@dataclass(frozen=True, slots=True)
class ButtonPress:
    """A button that a person pressed."""

    update_id: int
    query_id: str
    user_id: int
    name: str
    data: str
    chat: Chat | None = None  # with the next, of the message that has the button; None: Telegram has forgotten it
    message_id: int = 0


@dataclass(frozen=True, slots=True)
class ChatMigration:
    """A group has a new id."""

    update_id: int
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class IgnoredUpdate:
    """Anything else."""

    update_id: int
    reason: str


Update = ChatMessage | ButtonPress | ChatMigration | IgnoredUpdate


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look brought."""

    updates: Sequence[Update]
    malformed: int
    next_offset: int | None  # what to ask for next; None: nothing came


def read(raw: Any, bot: telegram.Bot | None = None) -> Batch:
    """Read what getUpdates gave; OddAnswerError if there is no way past it."""
    if not isinstance(raw, list):
        raise OddAnswerError(f"getUpdates: {type(raw).__name__}")
    ids = [ident for item in raw if (ident := _update_id(item)) is not None]
    if raw and not ids:  # asking again would bring the same
        raise OddAnswerError("getUpdates: aucun update_id")
    updates: list[Update] = []
    malformed = len(raw) - len(ids)
    for item in raw:
        ident = _update_id(item)
        if ident is None:
            continue
        try:
            updates.append(_incoming(ident, telegram.Update.de_json(item, bot)))
        except Exception:  # noqa: BLE001 - the library raises whatever the missing piece causes
            malformed += 1
    return Batch(updates, malformed, max(ids) + 1 if ids else None)


def _update_id(item: Any) -> int | None:
    """Return the update's number; one without bounds would have Telegram forget all that follow."""
    ident = item.get("update_id") if isinstance(item, dict) else None
    if not isinstance(ident, int) or isinstance(ident, bool):
        return None
    return ident if 0 <= ident <= MOST_UPDATE else None


def _incoming(ident: int, update: telegram.Update) -> Update:
    if update.callback_query is not None:
        return _pressed(ident, update.callback_query)
    message = update.message
    if message is None:
        return IgnoredUpdate(ident, "sans message")
    if message.migrate_to_chat_id:
        return ChatMigration(ident, _id(message.chat.id), _id(message.migrate_to_chat_id))
    text = _text(message.text or message.caption)
    if not text and not message.effective_attachment:  # somebody came or went, a title changed
        return IgnoredUpdate(ident, "sans contenu")
    if message.chat.type == telegram.constants.ChatType.CHANNEL:
        return IgnoredUpdate(ident, "canal")
    if message.is_automatic_forward:  # into the channel's group, where nobody wrote it
        return IgnoredUpdate(ident, "d'un canal lié")
    speaks_as_chat = message.sender_chat is not None  # an anonymous admin, or a channel's name for a person
    sender = message.from_user
    if not speaks_as_chat and (sender is None or sender.is_bot):
        return IgnoredUpdate(ident, "d'un bot")
    return ChatMessage(
        update_id=ident,
        chat=_chat(message),
        message_id=_id(message.message_id),
        user_id=0 if speaks_as_chat or sender is None else _id(sender.id),
        name=_name(message),
        text=text,
        sent_at=message.date.timestamp(),
        title=_text(message.chat.title),
        is_forwarded=message.forward_origin is not None,
        reply_to=_id(message.reply_to_message.message_id) if message.reply_to_message is not None else None,
        media=("📷" if message.photo else "📎") if message.caption else "",
    )


def _pressed(ident: int, query: telegram.CallbackQuery) -> Update:
    message = query.message
    chat = _chat(message) if isinstance(message, telegram.Message) else None
    return ButtonPress(
        update_id=ident,
        query_id=_text(query.id),
        user_id=_id(query.from_user.id),
        name=_shown(query.from_user.full_name),
        data=_text(query.data),
        chat=chat,
        message_id=_id(message.message_id) if message is not None else 0,
    )


def _chat(message: telegram.Message) -> Chat:
    topic = message.message_thread_id if message.is_topic_message else None
    return Chat(_id(message.chat.id), topic if topic is None else _id(topic))


def _name(message: telegram.Message) -> str:
    if message.sender_chat is not None:
        return _shown(message.author_signature or message.sender_chat.title or "")
    return _shown(message.from_user.full_name) if message.from_user is not None else ""


def _id(value: Any) -> int:
    """Return a number that the library did not look at."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MOST_ID:
        raise TypeError(f"{type(value).__name__} is no id")
    return value


def _text(value: Any) -> str:
    """Return a text that the library did not look at, without halves of characters."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no text")
    return (value or "").encode(errors="replace").decode()


def _shown(name: Any) -> str:
    """Return a name that may stand in a line: people call themselves whatever they like."""
    line = one_line(_text(name))
    return line if len(line) <= NAME_SHOWN else line[: NAME_SHOWN - 1] + "…"
