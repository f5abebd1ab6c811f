"""The menus that Telegram offers: what each person, each group and everybody else may ask, in two languages; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from commands.language import Translate
from commands.registry import Command
from commands.roles import Role
from telegram_bot.people import Person

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
    people: Iterable[Person],
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
