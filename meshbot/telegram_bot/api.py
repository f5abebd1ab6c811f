"""The requests to a Bot API server, by way of the library; nothing is decided here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import telegram
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from meshbot.runtime import hush
from meshbot.telegram_bot.failures import check_refusal
from meshbot.telegram_bot.models import Keyboard, OutgoingMessage
from meshbot.telegram_bot.queue import Delivery
from meshbot.telegram_bot.updates import ALLOWED_UPDATES

TIMEOUT: Final = 10.0  # seconds for connecting, and between two pieces of an answer
PHOTO_TIMEOUT: Final = 30.0  # seconds for writing
CONNECTIONS: Final = 8
# Seconds until the server sends an empty answer; a dead connection is noticed TIMEOUT later
POLL_TIMEOUT: Final = 30
BATCH: Final = 100  # updates in one answer, the server's own limit
TEXT_UNITS: Final = 4096  # UTF-16 code units, which Telegram counts
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
        self._polling = _Request(1, TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT, httpx_kwargs=httpx_options)
        self._sending = _Request(
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

    async def get_updates(self, offset: int | None, seconds: int) -> Any:
        """Wait for updates, `seconds` at most; return the raw answer. Confirms all before `offset`."""
        return await self._bot.raw_updates(offset, seconds)

    async def delete_webhook(self) -> None:
        """Have updates delivered to polls."""
        await self._bot.delete_webhook()

    async def deliver(self, delivery: Delivery) -> int:
        """Send or edit a message, or set a reaction; return the id of the message, or of the one with the reaction."""
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
        """Set commands (name, description) of a chat, None: of the others; for a language, empty: for the others."""
        scope = telegram.BotCommandScopeChat(chat_id) if chat_id is not None else telegram.BotCommandScopeDefault()
        await self._bot.set_my_commands(commands, scope, language or None)

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


class _Request(HTTPXRequest):
    """The library's; without this check it takes a proxy's 401 for a refusal of the token."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, body = await super().do_request(*args, **kwargs)
        check_refusal(code, body)
        return code, body


class _Bot(telegram.Bot):
    """The library's, with raw updates: it parses a batch as a whole, so that one malformed update would lose all."""

    async def raw_updates(self, offset: int | None, seconds: int) -> Any:
        data = {"timeout": seconds, "offset": offset, "limit": BATCH, "allowed_updates": ALLOWED_UPDATES}
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
