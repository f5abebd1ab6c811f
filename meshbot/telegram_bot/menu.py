"""The menus that Telegram offers: what each person, each group and everybody else may ask, in two languages.

They are set slowly, after each start: what Telegram has of them may be older than our settings.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from meshbot.commands import Command, Role, Translate
from meshbot.telegram_bot.api import Api
from meshbot.telegram_bot.failures import TROUBLE, Kind, failure_of, pause
from meshbot.telegram_bot.users import AllowedUser

LOGGER = logging.getLogger(__name__)
EVERY: Final = 0.5  # seconds: nobody waits for it
FIRST_AFTER: Final = 1.0  # seconds; commands that waited go first
NAME: Final = re.compile(r"[a-z0-9_]{1,32}")
DESCRIPTION_SHOWN: Final = 256  # characters
FOR_STRANGERS: Final = frozenset({"start", "id"})


@dataclass(frozen=True, slots=True)
class Menu:
    """What is offered in one chat to those who use Telegram in one language."""

    chat_id: int | None  # None: wherever no other menu is
    language: str  # empty: for all languages that have none of their own
    commands: tuple[tuple[str, str], ...]  # name, description


def menus(
    commands: Iterable[Command],
    people: Iterable[AllowedUser],
    groups: Iterable[int],
    translators: Mapping[str, Translate],
) -> Iterator[Menu]:
    """Yield all; `translators` by language code, the empty one for all other languages."""
    known = [command for command in commands if NAME.fullmatch(command.name)]
    for language, tr in translators.items():
        yield Menu(None, language, _offered(tr, (each for each in known if each.name in FOR_STRANGERS)))
        for group in groups:
            yield Menu(group, language, _offered(tr, (each for each in known if each.role is Role.EVERYONE)))
        for person in people:
            allowed = (each for each in known if each.role <= person.role)
            yield Menu(person.id, language, _offered(tr, allowed))


def _offered(tr: Translate, commands: Iterable[Command]) -> tuple[tuple[str, str], ...]:
    return tuple((command.name, tr(command.summary)[:DESCRIPTION_SHOWN]) for command in commands)


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
