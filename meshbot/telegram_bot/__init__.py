"""The Telegram side: the only importer of `telegram`."""

from meshbot.telegram_bot.factory import Surroundings, TelegramOptions, telegram_side
from meshbot.telegram_bot.status import FAILED, RELAYED, UNHEARD, UNSURE

__all__ = [
    "FAILED",
    "RELAYED",
    "UNHEARD",
    "UNSURE",
    "Surroundings",
    "TelegramOptions",
    "telegram_side",
]
