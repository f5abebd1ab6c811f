"""The real bot between a virtual node and a Bot API server, and the people who use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.bot import RunningBot
from tests.support.bot_api import TOKEN, BotApi
from tests.support.nodes import ALICE

ADMIN, KNOWN, GUEST, STRANGER = 111, 222, 333, 999
GROUP = -1_000_000_000_777
USERS = (f"{ADMIN} admin !{ALICE:08x}", f"{KNOWN} known", f"{GUEST} everyone")


def telegram_settings(api: BotApi, **settings: Any) -> dict[str, Any]:
    """Return what a bot needs to meet that server."""
    return {
        "language": "en",
        "telegram_token": api.token,
        "telegram_base_url": api.base_url,
        "telegram_users": USERS,
        "telegram_groups": (GROUP,),
    } | settings


def telegram_bot(api: BotApi, port: int, data_dir: Path, clock: Any = None, **settings: Any) -> RunningBot:
    """Return a bot with a node at `port`; start it with `with`."""
    return RunningBot(port, data_dir, clock, **telegram_settings(api, **settings))


def wait_for_poll(api: BotApi) -> None:
    """Wait until the bot waits for updates."""
    api.wait_until(lambda: api.polling)


def no_token_in(text: str) -> None:
    """Fail if the token, or the part of it that makes it one, is there."""
    assert TOKEN not in text
    assert TOKEN.partition(":")[2] not in text
