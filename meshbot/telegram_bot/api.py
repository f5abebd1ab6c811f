"""The requests that we make of a Bot API server, by way of the library; nothing is decided here."""

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
from meshbot.telegram_bot.models import Button, Post
from meshbot.telegram_bot.queue import Delivery
from meshbot.telegram_bot.updates import WANTED

TIMEOUT: Final = 10.0  # seconds for connecting, and between two pieces of an answer
PHOTO_TIMEOUT: Final = 30.0  # seconds for writing
CONNECTIONS: Final = 8
POLL_TIMEOUT: Final = 30  # seconds that the server holds an empty answer back; a silent link is noticed 10 s later
BATCH: Final = 100  # updates in one answer, the server's own limit
TEXT_UNITS: Final = 4096  # of UTF-16, by which Telegram counts
CAPTION_UNITS: Final = 1024


@dataclass(frozen=True, slots=True)
class Me:
    """Our bot, as Telegram knows it."""

    id: int
    username: str
    reads_groups: bool  # else it sees commands there and nothing more


class Api:
    """One server and one bot. Made and used in one event loop."""

    def __init__(self, token: str, base_url: str, *, trust_environment: bool) -> None:
        """`base_url` is the server's root; `trust_environment` lets HTTPS_PROXY and its kin count."""
        hush()  # each request's address has the token in it
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
        # never `initialize`: it would put the token into the text of an exception
        self._bot = _Bot(token, f"{base_url}/bot", request=self._sending, get_updates_request=self._polling)

    async def close(self) -> None:
        """Let the connections go."""
        await self._polling.shutdown()
        await self._sending.shutdown()

    async def me(self) -> Me:
        """Ask who we are; this is what a bad token fails at."""
        user = await self._bot.get_me()
        return Me(user.id, user.username or "", user.can_read_all_group_messages is True)

    async def updates(self, offset: int | None, seconds: int) -> Any:
        """Wait for what comes, `seconds` at most; return it as it came. Confirms all before `offset`."""
        return await self._bot.raw_updates(offset, seconds)

    async def delete_webhook(self) -> None:
        """Have updates given to those who ask."""
        await self._bot.delete_webhook()

    async def deliver(self, delivery: Delivery) -> int:
        """Show a post; return its message's id, of a reaction that of the message it is on."""
        if delivery.post.reaction and delivery.post.reply_to is not None:
            await self._bot.set_message_reaction(delivery.chat_id, delivery.post.reply_to, delivery.post.reaction)
            return delivery.post.reply_to
        if delivery.post.photo:
            return await self._deliver_photo(delivery)
        if delivery.edits is not None:
            return await self._edit(delivery.chat_id, delivery.edits, delivery.post)
        return await self._send(delivery.chat_id, delivery.post)

    async def answer_press(self, query_id: str, text: str) -> None:
        """End the waiting of a button that was pressed, with a word if there is one."""
        await self._bot.answer_callback_query(query_id, text or None)

    async def set_menu(self, commands: Sequence[tuple[str, str]], chat_id: int | None, language: str) -> None:
        """Offer (name, description) in a chat, None: everywhere else; to those of a language, empty: to all others."""
        scope = telegram.BotCommandScopeChat(chat_id) if chat_id is not None else telegram.BotCommandScopeDefault()
        await self._bot.set_my_commands(commands, scope, language or None)

    async def _send(self, chat_id: int, post: Post) -> int:
        text = cut(post.text, TEXT_UNITS)
        message = await self._bot.send_message(
            chat_id,
            text,
            entities=_entities(text, fixed=post.fixed),
            message_thread_id=post.chat.topic,
            disable_notification=post.silent,
            reply_parameters=_reply(post),
            reply_markup=_keyboard(post.buttons),
            link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
        )
        return message.message_id

    async def _edit(self, chat_id: int, message_id: int, post: Post) -> int:
        text = cut(post.text, TEXT_UNITS)
        await self._bot.edit_message_text(
            text,
            chat_id,
            message_id,
            entities=_entities(text, fixed=post.fixed),
            reply_markup=_keyboard(post.buttons),
            link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
        )
        return message_id

    async def _deliver_photo(self, delivery: Delivery) -> int:
        """Send it as a message of its own; one that it is to replace goes away."""
        post = delivery.post
        message = await self._bot.send_photo(
            delivery.chat_id,
            post.photo,
            caption=cut(post.text, CAPTION_UNITS) or None,
            message_thread_id=post.chat.topic,
            disable_notification=post.silent,
            reply_parameters=_reply(post),
            reply_markup=_keyboard(post.buttons),
        )
        if delivery.edits is not None:
            with contextlib.suppress(TelegramError):  # what stays is a word above the picture
                await self._bot.delete_message(delivery.chat_id, delivery.edits)
        return message.message_id


class _Request(HTTPXRequest):
    """The library's, which takes a proxy's 401 for a word on our token."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, body = await super().do_request(*args, **kwargs)
        check_refusal(code, body)
        return code, body


class _Bot(telegram.Bot):
    """The library's, and updates as they came: it reads a batch whole, so that one bad update would cost all."""

    async def raw_updates(self, offset: int | None, seconds: int) -> Any:
        data = {"timeout": seconds, "offset": offset, "limit": BATCH, "allowed_updates": WANTED}
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
    """Mark the whole as a table: nothing in it can then be taken for markup."""
    return [telegram.MessageEntity(telegram.MessageEntity.PRE, 0, _units(text))] if fixed else None


def _reply(post: Post) -> telegram.ReplyParameters | None:
    if post.reply_to is None:
        return None
    return telegram.ReplyParameters(post.reply_to, allow_sending_without_reply=True)


def _keyboard(rows: Sequence[Sequence[Button]]) -> telegram.InlineKeyboardMarkup | None:
    if not rows:
        return None
    return telegram.InlineKeyboardMarkup(
        [[telegram.InlineKeyboardButton(button.text, callback_data=button.data) for button in row] for row in rows]
    )
