"""Who may use the bot on Telegram, and where; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from meshbot.commands import Role, node_list
from meshbot.runtime import TimedCache
from meshbot.telegram_bot.models import AllowedUser, Chat

HOUR: Final = 3600.0
REMEMBERED: Final = 1000  # users and chats


class AllowedUsers:
    """The users and groups of the settings. A group may get a new id while the bot runs."""

    def __init__(self, users: Iterable[AllowedUser] = (), groups: Collection[int] = ()) -> None:
        self._migrated: dict[int, int] = {}  # new ids of listed groups, to the listed ones
        self.set_lists(users, groups)

    def set_lists(self, users: Iterable[AllowedUser], groups: Collection[int]) -> None:
        """Take other lists; the new ids of groups stay known."""
        self._users: Mapping[int, AllowedUser] = {user.id: user for user in users}
        self.groups = frozenset(groups)

    def __iter__(self) -> Iterator[AllowedUser]:
        """Yield the users."""
        return iter(self._users.values())

    def __len__(self) -> int:
        """Return the number of users."""
        return len(self._users)

    @property
    def admins(self) -> list[int]:
        """Return the ids of the admins, which are those of their private chats too."""
        return [user.id for user in self if user.role is Role.ADMIN]

    def find(self, user_id: int) -> AllowedUser | None:
        """Return the user of that id; None: not listed."""
        return self._users.get(user_id)

    def is_listed(self, group: int) -> bool:
        """Whether the bot answers in that group."""
        return self._migrated.get(group, group) in self.groups

    def migrate(self, old: int, new: int) -> None:
        """Note a listed group's new id; private chats have the same for ever."""
        if self.is_listed(old):
            self._migrated[new] = self._migrated.get(old, old)

    def as_listed(self, chat: Chat) -> Chat:
        """Return the chat under the id that the settings know."""
        return Chat(self._migrated.get(chat.id, chat.id), chat.topic)


class OncePerHour:
    """Whether a notice about a user or chat is due: at most one an hour, for a bounded number of them."""

    def __init__(self, seconds: float = HOUR) -> None:
        """`seconds`: another time than an hour."""
        self._recent: TimedCache[int, None] = TimedCache(seconds, REMEMBERED)

    def is_due(self, about: int, now: float) -> bool:
        """Return True once an hour."""
        if self._recent.get(about, now) is not None:
            return False
        self._recent.put(about, None, now)
        return True


def parse_user(line: str) -> AllowedUser:
    """Return the user of a setting such as `123 admin !a1b2c3d4`, which config.py has checked."""
    ident, role, *node = line.split()
    return AllowedUser(int(ident), Role[role.upper()], node_list(node))
