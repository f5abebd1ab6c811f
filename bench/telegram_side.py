"""A bot with a Telegram side as a process, between a virtual node and a Bot API server on loopback."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from bench.program import ROOT, Program
from bench.scaled_clock import ScaledClock
from tests.support.bot_api import BotApi
from tests.support.bot_api_chats import Group, TelegramUser
from tests.support.bot_api_limits import PUBLISHED

ADMIN = 1001
FIRST_PERSON = 2001
GROUP = -1_000_000_000_777
POLL = 30.0  # seconds that a poll may wait, as the bot asks
START = r"📲 Telegram: @"
UNHURRIED = {  # on a fast clock a wait for the machine must not look like one for the network
    "tcp_interface_cleanup_delay": 1,
    "tcp_stable_after": 0,
    "tcp_connect_timeout": 60,
    "tcp_config_silence": 60,
    "tcp_config_timeout": 240,
    "tcp_close_timeout": 20,
    "tcp_probe_after": 30,
    "tcp_probe_timeout": 30,
    "tcp_silent_timeout": 240,
}


def bot_api(clock: ScaledClock | None = None) -> BotApi:
    """Return a server with Telegram's published limits, on that clock, the machine's if None."""
    if clock is None:
        api = BotApi()
    else:
        wall = clock
        api = BotApi(clock=lambda: wall.now().timestamp(), longest_poll=POLL / wall.scale, requests_kept=100_000)
    api.limit(PUBLISHED)
    return api


def admin(api: BotApi) -> TelegramUser:
    """Return the operator, new."""
    return api.user(ADMIN, "Ada", language="en")


def people(api: BotApi, count: int) -> list[TelegramUser]:
    """Return listed people, new."""
    return [api.user(FIRST_PERSON + number, f"Kim {number}", language="en") for number in range(count)]


def group(api: BotApi) -> Group:
    """Return the group that is joined to channel 1, new."""
    return api.group(GROUP, "Mesh people")


def settings(api: BotApi, port: int, listed: int, data_dir: Path) -> dict[str, Any]:
    """Return a bot's settings, as texts of its environment; `listed` people besides the admin."""
    users = [f"{ADMIN} admin", *(f"{FIRST_PERSON + number} known" for number in range(listed))]
    return {
        "tcp_host": "127.0.0.1",
        "tcp_port": port,
        "data_dir": data_dir,
        "language": "en",
        "rate_limit_commands": 0,
        "telegram_token": api.token,
        "telegram_base_url": api.base_url,
        "telegram_users": ",".join(users),
        "telegram_bridges": f"1 {GROUP}",
    }


def start(values: dict[str, Any], clock: ScaledClock | None = None, *options: str) -> Program:
    """Start main_bot.py, or bench.scaled_bot with `options` on a fast clock; see `wait_for_poll`."""
    if clock is None:
        return Program([str(ROOT / "main_bot.py")], values)
    return Program(["-m", "bench.scaled_bot", str(clock.scale), repr(clock.epoch), *options], values)


def wait_for_poll(api: BotApi, program: Program) -> None:
    """Wait until the bot knows who it is, and waits for updates; TimeoutError if it does not come to that."""
    program.wait_for(START)
    api.wait_until(lambda: api.polling)


def pause(seconds: float) -> None:
    """Do nothing for so many real seconds."""
    threading.Event().wait(seconds)
