"""The requests to a Bot API server, by way of the library; nothing is decided here."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import telegram
from telegram.error import TelegramError

from meshbot.runtime import hush
from meshbot.telegram_bot.failures import UnreadSuccessError
from meshbot.telegram_bot.models import Chat, Keyboard, OutgoingMessage
from meshbot.telegram_bot.queue import Delivery
from meshbot.telegram_bot.request import BoundedRequest
from meshbot.telegram_bot.updates import ALLOWED_UPDATES

LOGGER = logging.getLogger(__name__)
TIMEOUT: Final = 10.0  # seconds for connecting, and between two pieces of an answer
PHOTO_TIMEOUT: Final = 30.0  # seconds for writing
CONNECTIONS: Final = 8
# Seconds until the server sends an empty answer; a dead connection is noticed TIMEOUT later
POLL_TIMEOUT: Final = 30
# Seconds for a whole request, a photo's too; a poll's adds its wait
DEADLINE: Final = 60.0
POLL_DEADLINE: Final = POLL_TIMEOUT + DEADLINE
# Bytes of a whole answer, unpacked: a sent message comes back with what it replies to; an update has 50 kB at most
SIZE: Final = 1_000_000
POLL_SIZE: Final = 4_000_000
# Updates in one answer, the server's own limit
BATCH: Final = 100
# UTF-16 code units, which Telegram counts
TEXT_UNITS: Final = 4096
CAPTION_UNITS: Final = 1024


@dataclass(frozen=True, slots=True)
class BotUser:
    """The bot's own user, from getMe."""

    id: int
    username: str
    reads_groups: bool  # False: it gets only commands there (privacy mode)


class Api:
    """One bot at one server. Made and used in one event loop."""

    def __init__(self, token: str, base_url: str, *, trust_environment: bool) -> None:
        """`base_url` is the server's root; `trust_environment`: use HTTPS_PROXY and similar variables."""
        # the HTTP library logs each request's address, which contains the token
        hush()
        httpx_options = {"trust_env": trust_environment}
        self._polling = BoundedRequest(
            POLL_DEADLINE, POLL_SIZE, 1, TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT, httpx_kwargs=httpx_options
        )
        self._sending = BoundedRequest(
            DEADLINE,
            SIZE,
            CONNECTIONS,
            TIMEOUT,
            TIMEOUT,
            TIMEOUT,
            TIMEOUT,
            media_write_timeout=PHOTO_TIMEOUT,
            httpx_kwargs=httpx_options,
        )
        # never call `initialize`: the text of its exception contains the token
        self._bot = _Bot(token, f"{base_url}/bot", request=self._sending, get_updates_request=self._polling)

    async def close(self) -> None:
        """Close the connections."""
        await self._polling.shutdown()
        await self._sending.shutdown()

    async def get_me(self) -> BotUser:
        """Return the bot's own user; a wrong token fails here."""
        user = await self._bot.get_me()
        return BotUser(user.id, user.username or "", user.can_read_all_group_messages is True)

    async def get_updates(self, offset: int | None, seconds: int, limit: int = BATCH) -> Any:
        """Wait `seconds` for `limit` updates at most; return the raw answer. Confirms those before `offset`."""
        return await self._bot.raw_updates(offset, seconds, limit)

    async def show_typing(self, chat: Chat) -> None:
        """Have the chat show for 5 s that the bot is at work."""
        await self._bot.send_chat_action(chat.id, telegram.constants.ChatAction.TYPING, message_thread_id=chat.topic)

    async def delete_webhook(self) -> None:
        """Have updates delivered to polls."""
        await self._bot.delete_webhook()

    async def deliver(self, delivery: Delivery) -> int | None:
        """Send or edit a message, or set a reaction; return the id of the message, or of the one with the reaction.

        None: it was done, but the id cannot be read.
        """
        try:
            return await self._deliver(delivery)
        # the second: success without what the library looks for in it
        except (UnreadSuccessError, KeyError, TypeError, AttributeError) as exc:
            LOGGER.debug("Telegram: envoi fait, réponse illisible: %s: %s", type(exc).__name__, exc)
            return None if delivery.message.photo else delivery.edits

    async def _deliver(self, delivery: Delivery) -> int:
        if delivery.message.reaction and delivery.message.reply_to is not None:
            await self._bot.set_message_reaction(delivery.chat_id, delivery.message.reply_to, delivery.message.reaction)
            return delivery.message.reply_to
        if delivery.message.photo:
            return await self._deliver_photo(delivery)
        if delivery.edits is not None:
            return await self._edit(delivery.chat_id, delivery.edits, delivery.message)
        return await self._send(delivery.chat_id, delivery.message)

    async def answer_callback_query(self, query_id: str, text: str) -> None:
        """Answer a pressed button; a text that is not empty is shown to the user."""
        await self._bot.answer_callback_query(query_id, text or None)

    async def set_menu(self, commands: Sequence[tuple[str, str]], chat_id: int | None, language: str) -> None:
        """Set commands (name, description) of a chat, None: of the others; for a language, empty: for the others.

        Without commands the chat's own are taken away.
        """
        scope = telegram.BotCommandScopeChat(chat_id) if chat_id is not None else telegram.BotCommandScopeDefault()
        if commands:
            await self._bot.set_my_commands(commands, scope, language or None)
        else:
            await self._bot.delete_my_commands(scope, language or None)

    async def _send(self, chat_id: int, message: OutgoingMessage) -> int:
        text = cut(message.text, TEXT_UNITS)
        sent = await self._bot.send_message(
            chat_id,
            text,
            entities=_entities(text, fixed=message.fixed),
            message_thread_id=message.chat.topic,
            disable_notification=message.silent,
            reply_parameters=_reply(message),
            reply_markup=_markup(message.keyboard),
            link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
        )
        return sent.message_id

    async def _edit(self, chat_id: int, message_id: int, message: OutgoingMessage) -> int:
        text = cut(message.text, TEXT_UNITS)
        await self._bot.edit_message_text(
            text,
            chat_id,
            message_id,
            entities=_entities(text, fixed=message.fixed),
            reply_markup=_markup(message.keyboard),
            link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
        )
        return message_id

    async def _deliver_photo(self, delivery: Delivery) -> int:
        """Send it as a new message; one that it replaces is deleted."""
        message = delivery.message
        sent = await self._bot.send_photo(
            delivery.chat_id,
            message.photo,
            caption=cut(message.text, CAPTION_UNITS) or None,
            message_thread_id=message.chat.topic,
            disable_notification=message.silent,
            reply_parameters=_reply(message),
            reply_markup=_markup(message.keyboard),
        )
        if delivery.edits is not None:
            # if this fails the old text stays above the picture
            with contextlib.suppress(TelegramError):
                await self._bot.delete_message(delivery.chat_id, delivery.edits)
        return sent.message_id


class _Bot(telegram.Bot):
    """The library's, with raw updates: it parses a batch as a whole, so that one malformed update would lose all."""

    async def raw_updates(self, offset: int | None, seconds: int, limit: int) -> Any:
        data = {"timeout": seconds, "offset": offset, "limit": limit, "allowed_updates": ALLOWED_UPDATES}
        return await self._post("getUpdates", data, read_timeout=TIMEOUT + seconds)


def cut(text: str, units: int) -> str:
    """Return the text, shortened to so many UTF-16 units."""
    if _units(text) <= units:
        return text
    raw = text.encode("utf-16-le")[: 2 * (units - 1)]
    return raw.decode("utf-16-le", "ignore") + "…"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _entities(text: str, *, fixed: bool) -> list[telegram.MessageEntity] | None:
    """Mark the whole text as preformatted: no part of it can then be taken for markup."""
    return [telegram.MessageEntity(telegram.MessageEntity.PRE, 0, _units(text))] if fixed else None


def _reply(message: OutgoingMessage) -> telegram.ReplyParameters | None:
    if message.reply_to is None:
        return None
    return telegram.ReplyParameters(message.reply_to, allow_sending_without_reply=True)


def _markup(keyboard: Keyboard) -> telegram.InlineKeyboardMarkup | None:
    if not keyboard:
        return None
    return telegram.InlineKeyboardMarkup(
        [[telegram.InlineKeyboardButton(button.text, callback_data=button.data) for button in row] for row in keyboard]
    )
