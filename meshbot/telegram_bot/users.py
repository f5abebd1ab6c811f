"""Who may use the bot on Telegram, and where: whoever is not listed gets nothing; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from meshbot.commands import Role, User
from meshbot.runtime import TimedCache
from meshbot.telegram_bot.models import Chat

HOUR: Final = 3600.0
STRANGERS_REMEMBERED: Final = 1000
GREETINGS: Final = (10, 600.0)  # lines to strangers, all together, in that many seconds


@dataclass(frozen=True, slots=True)
class AllowedUser:
    """Somebody whom the operator listed."""

    id: int
    role: Role
    node: int | None = None  # the mesh identity, if there is one

    @property
    def user(self) -> User:
        """Return who that is to the commands."""
        return User(f"telegram:{self.id}", self.role)


class AllowedUsers:
    """The lists of the settings. Groups may get new ids while we run."""

    def __init__(self, persons: Iterable[AllowedUser], groups: Collection[int]) -> None:
        self._persons: Mapping[int, AllowedUser] = {person.id: person for person in persons}
        self.groups = frozenset(groups)
        self._moved: dict[int, int] = {}  # new ids of listed groups, to the listed ones

    def __iter__(self) -> Iterator[AllowedUser]:
        """Yield them."""
        return iter(self._persons.values())

    def person(self, user_id: int) -> AllowedUser | None:
        """Return who has that id; None is a stranger."""
        return self._persons.get(user_id)

    def is_listed(self, group: int) -> bool:
        """Whether the bot speaks in that group."""
        return self._moved.get(group, group) in self.groups

    def move(self, old: int, new: int) -> None:
        """Note a listed group's new id."""
        if self.is_listed(old):
            self._moved[new] = self._moved.get(old, old)

    def as_listed(self, chat: Chat) -> Chat:
        """Return the chat under the id that the settings know."""
        return Chat(self._moved.get(chat.id, chat.id), chat.topic)


class OncePerHour:
    """Tells whether something was not yet said within an hour, for a bounded number of those that it is about."""

    def __init__(self) -> None:
        self._said: TimedCache[int, None] = TimedCache(HOUR, STRANGERS_REMEMBERED)

    def is_new(self, about: int, now: float) -> bool:
        """Return True once an hour."""
        if self._said.get(about, now) is not None:
            return False
        self._said.put(about, None, now)
        return True


def person_of(line: str) -> AllowedUser:
    """Return the person of a setting such as `123 admin !a1b2c3d4`, as config.py checked it."""
    ident, role, *node = line.split()
    return AllowedUser(int(ident), Role[role.upper()], int(node[0].removeprefix("!"), 16) if node else None)
