"""Commands as data, from which help, menus, documents and tests are made."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from meshbot.commands.formatting import PACKET_BYTES
from meshbot.commands.language import Translate
from meshbot.commands.roles import ANONYMOUS, Role, User
from meshbot.mesh_link import RadioMetadata
from meshbot.sending import Origin
from meshbot.text import folded, legible

PREFIX = "/"
# Commands whose text is nobody else's, though this bot may not have them: people ask for the assistant all the same
PRIVATE: Final = ("mail", "courrier", "bot", "ai", "ia")
COMMAND: Final = re.compile(r"/\s*(?P<name>\S+)(?:\s+(?P<argument>.*))?", re.DOTALL)
# As a keyboard of full width writes it, and the fraction's
SLASHES: Final = frozenset("\uff0f\u2044")
UNKNOWN_RECEPTION = RadioMetadata()
Action = Callable[[], None]


def run_at_once(action: Action) -> None:
    """Run the action where no answer goes out before it."""
    action()


def drop_interim(_text: str) -> None:
    """Drop an interim answer."""


class Acknowledgement(str):
    """An answer that goes on a busy channel too, to anybody: who gets none asks again."""

    __slots__ = ()


class Platform(Enum):
    """Where a question comes from and its answer goes; the value is for documents."""

    MESH = "mesh"
    TELEGRAM = "Telegram"
    CONSOLE = "console"


ALL_PLATFORMS = frozenset(Platform)


@dataclass(frozen=True, slots=True)
class Request:
    """One question with its context."""

    command: str  # the name as typed, lower case, without the slash
    argument: str  # what follows it, stripped
    node: int | None  # the asker's node number; None: a Telegram user without one in the settings
    reception: RadioMetadata  # of the question's packet; empty for a message from Telegram
    translate: Translate
    available: Sequence[Command]  # what this user may use here
    send_interim: Callable[[str], None] = drop_interim  # sends an interim answer before the final one; any thread
    user: User = ANONYMOUS
    channel: int | None = None  # the index of the channel asked on, None for a direct message
    after_answer: Callable[[Action], None] = run_at_once  # runs an action once the answer has left; any thread
    platform: Platform = Platform.MESH
    limit: int = PACKET_BYTES  # bytes of UTF-8 that an answer may have, at least a packet's
    name: str = ""  # of a Telegram user; empty: the node's counts
    in_group: bool = False  # of Telegram: others read the answer
    origin: Origin | None = None  # of texts sent for it: their delivery is shown to the asker; None: it is not

    @property
    def wide(self) -> bool:
        """Whether the answer is read on a phone or a terminal with room for tables and sentences, not on a radio."""
        return self.platform is not Platform.MESH

    @property
    def is_private(self) -> bool:
        """Whether the asker alone reads the answer."""
        return self.channel is None and not self.in_group


@dataclass(frozen=True, slots=True)
class Example:
    """A question and its answer in English; documents show it and a test runs it."""

    question: str
    answer: str
    reception: RadioMetadata = UNKNOWN_RECEPTION
    platform: Platform = Platform.MESH
    has_node: bool = True  # whether Request.node is known


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    name: str
    summary: str  # English, marked for the catalogs; one line
    run: Callable[[Request], str]
    usage: str = ""  # arguments, as in "[page]"
    aliases: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    timeout: float | None = None  # seconds that `run` may take; None: the setting command_timeout
    slow: bool = False  # waits for other servers or nodes: has its own threads, and one run at a time for each user
    queue_limit: int | None = None  # how many may wait for a thread; None: as the executor limits all together
    role: Role = Role.EVERYONE  # the least role that may use it
    platforms: frozenset[Platform] = ALL_PLATFORMS  # where it can be asked
    has_table: bool = False  # its wide answers of several lines are tables
    private: bool = False  # its argument is masked in the log: not even the operator reads it
    has_qr: bool = False  # on Telegram its answer, if it is a link, goes as a QR code too
    despite_load: bool = False  # it acknowledges what it does, which is answered on a busy channel too
    without_argument: Command | None = None  # runs in its place on the mesh when no argument is given
    words: Mapping[str, Command] = field(default_factory=dict)  # run in its place when its argument begins so

    @property
    def needs_argument(self) -> bool:
        """Whether without an argument it can only answer how to ask."""
        return self.usage.startswith("<")

    def is_table(self, answer: str) -> bool:
        """Return whether a wide answer needs a fixed-width font; one line is no table."""
        return self.has_table and "\n" in answer


class Registry:
    """The commands by name and alias."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Take the commands in the order of /help; ValueError if two have the same name."""
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
        """Return the command of that name or alias, whatever its case; accents that a phone has added do not matter."""
        wanted = name.lower().removeprefix(PREFIX)
        return self._by_name.get(wanted) or self._by_name.get(folded(wanted))

    def find_for(self, name: str, argument: str) -> Command | None:
        """Return the command of that name, or the one that the argument's first word chooses; None if unknown."""
        command, words = self.find(name), argument.split(maxsplit=1)
        return command.words.get(words[0].lower(), command) if command and words else command

    def to_run(self, name: str, argument: str) -> Command | None:
        """Return the command that runs for a question from the mesh, None if the name is unknown."""
        command = self.find_for(name, argument)
        return command.without_argument if command and command.without_argument and not argument else command

    def on(self, platform: Platform) -> Registry:
        """Return the commands that can be asked there."""
        return Registry(command for command in self if platform in command.platforms)


def parse(text: str) -> tuple[str, str] | None:
    """Return (name, argument) of `/name argument` without what cannot be seen, None for plain text.

    `/ name`, `/name!`, `/name”` and `／ｎａｍｅ` are `/name`: nothing but letters and digits ends a name; `@somebody`
    behind it stays.
    """
    line = legible(text).strip()
    found = COMMAND.fullmatch(PREFIX + line[1:] if line[:1] in SLASHES else line)
    if found is None:
        return None
    # an accent that stands alone becomes a space with that accent
    name = "".join(unicodedata.normalize("NFKC", found["name"]).split())
    ends = [place for place, char in enumerate(name, 1) if char.isalnum()]
    # `/!\\ Verglas` is a warning
    if not ends:
        return None
    return name[: ends[-1]].lower(), found["argument"] or ""


def bare(name: str) -> str:
    """Return a parsed name without the `@somebody` behind it."""
    return name.partition("@")[0]
