"""Who greets the bot or forgets the slash: one friendly line, once a day; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from meshbot.commands.registry import Command
from meshbot.runtime import RecentKeys
from meshbot.text import folded

WORDS: Final = (
    ("allo", "bonjour", "bonsoir", "coucou", "hello", "hey", "hi", "hola", "salut", "slt", "yo"),
    ("aide", "aidez", "commande", "commandes", "commands", "help", "info", "menu", "ping", "start", "test"),
)
EVERY: Final = 86400.0  # seconds between two lines to one user
USERS_REMEMBERED: Final = 1000
# Lines an hour to all together: greetings under invented numbers must not fill the air
IN_AN_HOUR: Final = 20
# What people put before or behind a word; "?" alone asks for help as well
MARKS: Final = "!?.,;:…\"'()*«» -_"


class Greetings:
    """For one thread."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Take the commands whose bare names mean that somebody wants to ask."""
        names = (name for command in commands for name in (command.name, *command.aliases))
        self._words = frozenset(map(folded, (*(word for words in WORDS for word in words), *names)))
        self._greeted: RecentKeys[int, float] = RecentKeys(USERS_REMEMBERED)
        self._lately: deque[float] = deque(maxlen=IN_AN_HOUR)

    def means(self, text: str) -> bool:
        """Return whether a text that is no command begins with a greeting, a call for help or a command's name."""
        words = folded(text).split()
        if not words:
            return False
        first = words[0].strip(MARKS)
        return first in self._words if first else "?" in words[0]

    def is_due(self, user: int, now: float) -> bool:
        """Note a greeting at `now` (monotonic seconds); return whether to answer it."""
        last = self._greeted.get(user)
        if last is not None and now - last < EVERY:
            return False
        if len(self._lately) == IN_AN_HOUR and now - self._lately[0] < 3600:  # noqa: PLR2004 - an hour
            return False
        self._greeted.put(user, now)
        self._lately.append(now)
        return True
