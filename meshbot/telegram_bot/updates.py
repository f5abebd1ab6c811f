"""Updates from Telegram as frozen dataclasses; each is read by itself, so that a malformed one loses no other; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import telegram

from meshbot.telegram_bot.failures import InvalidAnswerError
from meshbot.telegram_bot.models import GENERAL_TOPIC, AllowedUser, Chat, ChatQuestion
from meshbot.text import one_line

# No channel posts
ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query")
NAME_SHOWN: Final = 40  # characters
# Update ids are 32-bit numbers
MOST_UPDATE: Final = 2**32
# Of chats, users and messages, as documented
MOST_ID: Final = 2**53


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message that a user wrote."""

    update_id: int
    chat: Chat
    message_id: int
    user_id: int  # 0: sent in the name of a chat, its author is unknown
    name: str
    text: str  # a photo's caption; empty: something without text
    sent_at: float  # seconds since 1970, by Telegram's clock
    title: str = ""  # of the group; empty: a private chat
    is_forwarded: bool = False
    reply_to: int | None = None  # the id of the message that it replies to
    media: str = ""  # an emoji for the photo or file whose caption the text is
    language_code: str = ""  # of the author's phone, as "fr" or "pt-br"; empty: not told

    def question(self, user: AllowedUser) -> ChatQuestion:
        """Return it as the command of a listed user."""
        return ChatQuestion(
            self.update_id,
            self.chat,
            self.message_id,
            user,
            self.name,
            self.title,
            f"answer:{self.message_id}",
            language_code=self.language_code,
        )


@dataclass(frozen=True, slots=True)
class EditedMessage:
    """A user has changed the text of a message."""

    update_id: int
    message: IncomingMessage  # as it is now


@dataclass(frozen=True, slots=True)
class CallbackQuery:
    """A button that a user pressed."""

    update_id: int
    query_id: str
    user_id: int
    name: str
    data: str
    chat: Chat | None = None  # of the message with the button; None: too old for Telegram
    message_id: int = 0  # likewise
    language_code: str = ""  # see IncomingMessage


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


Update = IncomingMessage | EditedMessage | CallbackQuery | ChatMigration | IgnoredUpdate


@dataclass(frozen=True, slots=True)
class Batch:
    """The updates of one poll."""

    updates: Sequence[Update]
    malformed: int
    next_offset: int | None  # of the next poll; None: there were no updates


def read_batch(raw: Any, bot: telegram.Bot | None = None) -> Batch:
    """Read the result of getUpdates; InvalidAnswerError if it has no update id that the next poll could confirm."""
    if not isinstance(raw, list):
        raise InvalidAnswerError(f"getUpdates: {type(raw).__name__}")
    ids = [ident for item in raw if (ident := _update_id(item)) is not None]
    # the next poll would get the same answer
    if raw and not ids:
        raise InvalidAnswerError("getUpdates: aucun update_id")
    updates: list[Update] = []
    malformed = len(raw) - len(ids)
    for item in raw:
        ident = _update_id(item)
        if ident is None:
            continue
        try:
            updates.append(_read_update(ident, telegram.Update.de_json(item, bot)))
        except Exception:  # noqa: BLE001 - the library raises whatever the missing piece causes
            malformed += 1
    return Batch(updates, malformed, max(ids) + 1 if ids else None)


def _update_id(item: Any) -> int | None:
    """Return the update's id; confirming one out of bounds would make Telegram drop all that follow."""
    ident = item.get("update_id") if isinstance(item, dict) else None
    if not isinstance(ident, int) or isinstance(ident, bool):
        return None
    return ident if 0 <= ident <= MOST_UPDATE else None


def _read_update(ident: int, update: telegram.Update) -> Update:
    if update.callback_query is not None:
        return _read_query(ident, update.callback_query)
    if update.edited_message is not None:
        return _read_edit(ident, update.edited_message)
    message = update.message
    if message is None:
        return IgnoredUpdate(ident, "sans message")
    if message.migrate_to_chat_id:
        return ChatMigration(ident, _id(message.chat.id), _id(message.migrate_to_chat_id))
    if message.migrate_from_chat_id:
        return ChatMigration(ident, _id(message.migrate_from_chat_id), _id(message.chat.id))
    return _read_message(ident, message)


def _read_edit(ident: int, message: telegram.Message) -> Update:
    # a live location moves by edits
    if not (message.text or message.caption):
        return IgnoredUpdate(ident, "retouche sans texte")
    read = _read_message(ident, message)
    if not isinstance(read, IncomingMessage):
        return read
    return EditedMessage(ident, replace(read, sent_at=(message.edit_date or message.date).timestamp()))


def _read_message(ident: int, message: telegram.Message) -> Update:
    text = _text(message.text or message.caption)
    # a user joined or left, the title changed
    if not text and not message.effective_attachment:
        return IgnoredUpdate(ident, "sans contenu")
    if message.chat.type == telegram.constants.ChatType.CHANNEL:
        return IgnoredUpdate(ident, "canal")
    # a channel's post in its discussion group
    if message.is_automatic_forward:
        return IgnoredUpdate(ident, "d'un canal lié")
    # by an anonymous admin, or by a user in the name of a channel
    is_from_chat = message.sender_chat is not None
    sender = message.from_user
    if not is_from_chat and (sender is None or sender.is_bot):
        return IgnoredUpdate(ident, "d'un bot")
    return IncomingMessage(
        update_id=ident,
        chat=_chat(message),
        message_id=_id(message.message_id),
        user_id=0 if is_from_chat or sender is None else _id(sender.id),
        name=_name(message),
        text=text,
        sent_at=message.date.timestamp(),
        title=_text(message.chat.title),
        is_forwarded=message.forward_origin is not None,
        reply_to=_id(message.reply_to_message.message_id) if message.reply_to_message is not None else None,
        media=("📷" if message.photo else "📎") if message.caption else "",
        language_code="" if is_from_chat or sender is None else _text(sender.language_code),
    )


def _read_query(ident: int, query: telegram.CallbackQuery) -> Update:
    message = query.message
    chat = _chat(message) if isinstance(message, telegram.Message) else None
    return CallbackQuery(
        update_id=ident,
        query_id=_text(query.id),
        user_id=_id(query.from_user.id),
        name=_shown(query.from_user.full_name),
        data=_text(query.data),
        chat=chat,
        message_id=_id(message.message_id) if message is not None else 0,
        language_code=_text(query.from_user.language_code),
    )


def _chat(message: telegram.Message) -> Chat:
    topic = _id(message.message_thread_id) if message.is_topic_message else GENERAL_TOPIC
    return Chat(_id(message.chat.id), None if topic == GENERAL_TOPIC else topic)


def _name(message: telegram.Message) -> str:
    if message.sender_chat is not None:
        return _shown(message.author_signature or message.sender_chat.title or "")
    return _shown(message.from_user.full_name) if message.from_user is not None else ""


def _id(value: Any) -> int:
    """Return an id; the library does not check its type."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MOST_ID:
        raise TypeError(f"{type(value).__name__} is no id")
    return value


def _text(value: Any) -> str:
    """Return a text without lone surrogates; the library does not check its type."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no text")
    return (value or "").encode(errors="replace").decode()


def _shown(name: Any) -> str:
    """Return a name as one short line: users choose their names freely."""
    line = one_line(_text(name))
    return line if len(line) <= NAME_SHOWN else line[: NAME_SHOWN - 1] + "…"
