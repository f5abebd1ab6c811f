"""Which texts of a chat are commands: of this bot, or of another that is named; all others are for people. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from meshbot.commands import Registry, parse

COMMAND_NAME: Final = re.compile(r"[a-z0-9_]{1,32}", re.IGNORECASE)
# Telegram's rule for the names of bots: without it `/rdv@midi` would be a command
BOT_NAME: Final = re.compile(r"[a-z0-9_]{2,29}bot", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """A text that is a command."""

    name: str
    argument: str
    is_ours: bool = True  # False: it is for the bot whose name stands behind `@`


def command_in(text: str, registry: Registry, username: str) -> ChatCommand | None:
    """Return the command that a text is; None: it is for people, though it may begin with a slash.

    `username` is this bot's; a command that is addressed to it is ours, known or not.
    """
    parsed = parse(text)
    if parsed is None:
        return None
    name, at, bot = parsed[0].partition("@")
    if at and bot.lower() == username.lower():
        return ChatCommand(name, parsed[1])
    if at and COMMAND_NAME.fullmatch(name) and BOT_NAME.fullmatch(bot):
        return ChatCommand(name, parsed[1], is_ours=False)
    return ChatCommand(*parsed) if registry.find(parsed[0]) is not None else None
