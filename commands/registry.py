"""Commands as data: help, menus and tests come from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from commands.language import Translate
from mesh_link.packets import Reception

PREFIX = "/"
UNKNOWN_RECEPTION = Reception()


def say_nothing(_text: str) -> None:
    """Take an interim answer where nobody waits for one."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question, with what a command may need to answer it."""

    command: str  # the name as typed, lower case, without the slash
    argument: str  # what follows it, stripped
    sender: int  # node number
    reception: Reception
    translate: Translate
    available: Sequence[Command]  # what this user may use here
    say: Callable[[str], None] = say_nothing  # an interim answer, sent the same way before the final one; any thread
    channel: int | None = None  # the index of the channel asked on, None for a direct message


@dataclass(frozen=True, slots=True)
class Example:
    """A question and the answer it gets in English; each is shown in documents and run as a test."""

    question: str
    answer: str
    reception: Reception = UNKNOWN_RECEPTION


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a user may ask."""

    name: str
    summary: str  # English, marked for the catalogs; one line
    run: Callable[[Request], str]
    usage: str = ""  # arguments, as in "[page]"
    aliases: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    timeout: float | None = None  # seconds that `run` may take; None: the setting command_timeout
    slow: bool = False  # waits for other computers: runs in threads of its own, one at a time for each user


class Registry:
    """The commands by name and alias."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Take the commands in the order in which help lists them; two of one name are an error."""
        self._commands = tuple(commands)
        self._by_name: dict[str, Command] = {}
        for command in self._commands:
            for name in (command.name, *command.aliases):
                if self._by_name.setdefault(name, command) is not command:
                    raise ValueError(f"two commands are called {name}")

    def __iter__(self) -> Iterator[Command]:
        """Yield the commands in order."""
        return iter(self._commands)

    def find(self, name: str) -> Command | None:
        """Return the command of that name or alias, whatever its case."""
        return self._by_name.get(name.lower().removeprefix(PREFIX))


def parse(text: str) -> tuple[str, str] | None:
    """Return (name, argument) of `/name argument`, or None for plain text. Takes any text."""
    words = text.strip().split(maxsplit=1)
    if not words or not words[0].startswith(PREFIX) or not words[0].removeprefix(PREFIX):
        return None
    return words[0].removeprefix(PREFIX).lower(), words[1] if len(words) > 1 else ""
