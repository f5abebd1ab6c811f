"""The Telegram side."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import config
from assembly.parts import Parts
from assembly.questions import limits
from meshbot import persistence, storage
from meshbot.commands import (
    Command,
)
from meshbot.persistence import HandledBefore
from meshbot.runtime import Clock
from meshbot.storage import Database

if TYPE_CHECKING:
    from meshbot.telegram_bot import TelegramOptions, TelegramService

LOGGER = logging.getLogger(__name__)
TELEGRAM_LISTS: Final = ("telegram_users", "telegram_groups", "telegram_bridges", "telegram_alert_chats")


def telegram(
    parts: Parts, commands: Sequence[Command], keep: Callable[[persistence.UpdatesHandled], object] | None
) -> TelegramService | None:
    """Return the Telegram side if there is a token; `keep` saves handled updates, None: there is no database."""
    settings = parts.settings
    if not settings.telegram_token.get_secret_value():
        if unused := [name for name in TELEGRAM_LISTS if getattr(settings, name)]:
            LOGGER.warning("⚠️ Telegram reste éteint: %s sans telegram_token", ", ".join(unused))
        return None
    from meshbot.telegram_bot import TelegramDependencies, TelegramService  # noqa: PLC0415 - 20 MB that most do not need

    link, send, of_nodes = parts.link, parts.sender.tell, (parts.nodes.numbers, parts.nodes.with_key)
    dependencies = TelegramDependencies(
        parts.clock,
        commands,
        limits(settings),
        parts.memory,
        link.own_num,
        send,
        keep,
        *of_nodes,
        link.channels,
        parts.nodes.public_key,
    )
    return TelegramService(telegram_options(settings), dependencies)


def telegram_options(settings: config.Settings) -> TelegramOptions:
    """Return the settings of the Telegram side."""
    from meshbot.telegram_bot import TelegramOptions  # noqa: PLC0415 - the same

    return TelegramOptions(
        settings.telegram_token,
        settings.telegram_base_url,
        settings.web_trust_environment,
        settings.language,
        settings.telegram_users,
        settings.telegram_groups,
        settings.telegram_bridges,
        settings.telegram_alert_chats,
        settings.telegram_command_max_age,
        settings.telegram_max_bytes,
        settings.bridge_ttl,
        settings.telegram_commands,
        settings.telegram_seconds,
        settings.data_dir,
        settings.answer_on_channels,
        settings.echo_channel,
        settings.answer_ttl,
    )


def update_writer(
    settings: config.Settings, database: Database | None, clock: Clock, restore: Callable[[HandledBefore], object]
) -> persistence.UpdateWriter | None:
    """Return what keeps the Telegram side from acting twice, if there are that side and a database."""
    bot = settings.telegram_token.get_secret_value().partition(":")[0]
    store = storage.UpdateStore(database, int(bot)) if database and bot else None
    return persistence.UpdateWriter(store, clock, restore) if store else None
