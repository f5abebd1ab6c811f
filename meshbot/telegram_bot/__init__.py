"""The Telegram side: the only importer of `telegram`."""

from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions
from meshbot.telegram_bot.service import TelegramService
from meshbot.telegram_bot.status import FAILED, RELAYED, UNANSWERED, UNSURE

__all__ = [
    "FAILED",
    "RELAYED",
    "UNANSWERED",
    "UNSURE",
    "TelegramDependencies",
    "TelegramOptions",
    "TelegramService",
]
