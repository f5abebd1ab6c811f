"""The command menus of each listed user, each group and all other chats, in two languages.

They are set slowly, after each start: those that Telegram has may be older than our settings.
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
from meshbot.persistence import SavedValue
from meshbot.telegram_bot.api import Api
from meshbot.telegram_bot.failures import PERSISTENT, FailureKind, failure_of, retry_delay
from meshbot.telegram_bot.models import AllowedUser

LOGGER = logging.getLogger(__name__)
# Seconds between two requests: menus are not urgent
INTERVAL: Final = 0.5
# Seconds: the answers to commands that waited for the start are sent first
START_DELAY: Final = 1.0
NAME: Final = re.compile(r"[a-z0-9_]{1,32}")
DESCRIPTION_SHOWN: Final = 256  # characters
# Beginning of the names of saved values, before a chat's id
SAVED: Final = "menu:"
SAVED_NAME: Final = re.compile(SAVED + r"(-?\d{1,16})")
# What most people come for
FIRST: Final = "send"
FOR_STRANGERS: Final = frozenset({"start", "id"})


@dataclass(frozen=True, slots=True)
class Menu:
    """The commands shown in one chat to the users of one language."""

    chat_id: int | None  # None: all chats that have no menu
    language: str  # empty: all languages that have no menu
    commands: tuple[tuple[str, str], ...]  # name, description; none: it is taken away


def menus(
    commands: Iterable[Command],
    users: Iterable[AllowedUser],
    groups: Iterable[int],
    translators: Mapping[str, Translate],
    former: Iterable[int] = (),
) -> Iterator[Menu]:
    """Yield all menus; `translators` by language code, the empty one for all other languages.

    Chats that had a menu, the `former` ones, get an empty one.
    """
    valid = sorted(
        (command for command in commands if NAME.fullmatch(command.name)), key=lambda command: command.name != FIRST
    )
    for language, tr in translators.items():
        yield Menu(None, language, _entries(tr, (each for each in valid if each.name in FOR_STRANGERS)))
        for group in groups:
            yield Menu(group, language, _entries(tr, (each for each in valid if each.role is Role.EVERYONE)))
        for user in users:
            allowed = (each for each in valid if each.role <= user.role)
            yield Menu(user.id, language, _entries(tr, allowed))
        for chat in former:
            yield Menu(chat, language, ())


def _entries(tr: Translate, commands: Iterable[Command]) -> tuple[tuple[str, str], ...]:
    return tuple((command.name, tr(command.summary)[:DESCRIPTION_SHOWN]) for command in commands)


class MenuChats:
    """The chats with a menu of their own, which Telegram keeps until it is taken away."""

    def __init__(self) -> None:
        self._now: set[int] = set()
        # those that have or had one since a process that could not take it away
        self._all: set[int] = set()
        self._saved: set[int] | None = None  # None: not known yet

    @property
    def former(self) -> list[int]:
        """Return the chats that are to have none any more."""
        return sorted(self._all - self._now)

    def restore(self, state: Mapping[str, str]) -> dict[str, SavedValue]:
        """Take what an earlier process has saved; return what is to be saved."""
        self._saved = {int(found[1]) for name in state if (found := SAVED_NAME.fullmatch(name))}
        self._all |= self._saved
        return self.change(self._now)

    def change(self, chats: set[int]) -> dict[str, SavedValue]:
        """Take the chats that are to have a menu from now on; return what is to be saved."""
        self._now = chats
        self._all |= chats
        if self._saved is None:
            return {}
        changed, self._saved = chats ^ self._saved, set(chats)
        return {f"{SAVED}{chat}": SavedValue("1" if chat in chats else "") for chat in sorted(changed)}


class MenuSetter:
    """Sets the menus, in one event loop after another until all are set."""

    def __init__(self, menus: Iterable[Menu]) -> None:
        self._remaining = deque(menus)
        self._is_running = False

    def replace(self, menus: Iterable[Menu]) -> bool:
        """Take other menus; return whether `run` has to be called for them."""
        self._remaining = deque(menus)
        return not self._is_running

    async def run(self, api: Api) -> None:
        """Set the remaining menus; a failure is retried, a refusal (the user never wrote to the bot) is not."""
        # others may have been taken before this one began
        if self._is_running:
            return
        self._is_running = True
        try:
            await self._set_remaining(api)
        finally:
            self._is_running = False

    async def _set_remaining(self, api: Api) -> None:
        await asyncio.sleep(START_DELAY)
        tries = 0
        while self._remaining:
            menu = self._remaining[0]
            try:
                await api.set_menu(menu.commands, menu.chat_id, menu.language)
            except Exception as exc:  # noqa: BLE001 - failure_of knows each
                failure = failure_of(exc)
                if failure.kind in PERSISTENT or failure.kind is FailureKind.FLOOD:
                    tries += 1
                    await asyncio.sleep(retry_delay(failure, tries, 0.0))
                    continue
                LOGGER.debug("Telegram: menu de %s refusé: %s", menu.chat_id, failure.detail)
            # others may have come meanwhile
            if self._remaining and self._remaining[0] is menu:
                self._remaining.popleft()
            tries = 0
            await asyncio.sleep(INTERVAL)
