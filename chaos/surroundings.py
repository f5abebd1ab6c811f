"""What a lane offers to those who disturb its bot and those who use it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from chaos.bot import BotProcess
from meshbot.control import Verb
from meshbot.virtual_node import VirtualNode
from tests.support.bot_api import BotApi
from tests.support.resolver import Resolver


class Surroundings(Protocol):
    """The bot and all that it meets."""

    folder: Path
    node: VirtualNode
    api: BotApi
    bot: BotProcess
    pool: ThreadPoolExecutor
    resolver: Resolver

    def pause(self, seconds: float) -> None:
        """Let so much time pass, unless the lane ends before."""

    def ask(self, verb: Verb, timeout: float = 3.0, **fields: object) -> dict[str, Any]:
        """Return the control socket's last answer, {} for none."""
        ...
