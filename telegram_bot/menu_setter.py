"""Sets the menus, slowly, after each start: what Telegram has of them may be older than our settings."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Final

from telegram_bot.api import Api
from telegram_bot.failures import TROUBLE, Kind, failure_of, pause
from telegram_bot.menu import Menu

LOGGER = logging.getLogger(__name__)
EVERY: Final = 0.5  # seconds: nobody waits for it
FIRST_AFTER: Final = 1.0  # seconds; commands that waited go first


class MenuSetter:
    """What is left to do outlives an event loop."""

    def __init__(self, menus: Iterable[Menu]) -> None:
        self._left = deque(menus)

    async def run(self, api: Api) -> None:
        """Set what is left; a failure is tried again, a refusal (somebody never wrote to the bot) is not."""
        await asyncio.sleep(FIRST_AFTER)
        tries = 0
        while self._left:
            menu = self._left[0]
            try:
                await api.set_menu(menu.commands, menu.chat_id, menu.language)
            except Exception as exc:  # noqa: BLE001 - failure_of knows each
                failure = failure_of(exc)
                if failure.kind in TROUBLE or failure.kind is Kind.FLOOD:
                    tries += 1
                    await asyncio.sleep(pause(failure, tries, 0.0))
                    continue
                LOGGER.debug("Telegram: menu de %s refusé: %s", menu.chat_id, failure.detail)
            self._left.popleft()
            tries = 0
            await asyncio.sleep(EVERY)
