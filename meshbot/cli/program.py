"""What the commands are given: the program's settings and parts, and the person's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pydantic import SecretStr

from meshbot.commands import Translate
from meshbot.mesh_link import LinkTarget
from meshbot.nodes import ImportResult, KeyEntry, NodeKeys
from meshbot.runtime import Clock
from meshbot.storage import KeyRow, NodeRow

if TYPE_CHECKING:
    from meshbot.doctor import Patient


class CliSettings(Protocol):
    """The settings that commands read."""

    @property
    def language(self) -> str:
        """The bot's language, for who has set none."""
        ...

    @property
    def data_dir(self) -> Path:
        """Where the bot keeps its data."""
        ...

    @property
    def database_url(self) -> SecretStr:
        """A database on a server; empty: the file in data_dir."""
        ...

    @property
    def radio_backup_passphrase(self) -> SecretStr:
        """What encrypts backups; empty: it is asked for."""
        ...


class KeyBook(Protocol):
    """The bot's nodes and keys; NodeManager is one."""

    def nodes(self) -> list[NodeRow]:
        """Return all nodes."""
        ...

    def keys_of(self, num: int) -> NodeKeys:
        """Return all that is known of a node's keys."""
        ...

    def all_keys(self) -> list[tuple[NodeRow, list[KeyRow]]]:
        """Return each node that has keys, with them."""
        ...

    def import_keys(self, entries: Iterable[KeyEntry]) -> Mapping[ImportResult, Sequence[int]]:
        """Take in keys and write them; return how many came to what."""
        ...


S = TypeVar("S", bound=CliSettings)
S_contra = TypeVar("S_contra", contravariant=True)


class OpenNodes(Protocol[S_contra]):
    """Opens the database."""

    def __call__(self, settings: S_contra, *, is_new: bool = False) -> AbstractContextManager[KeyBook]:
        """Give its nodes and keys; raise CommandError or StorageError. `is_new`: it may be missing."""
        ...


@dataclass(frozen=True, slots=True)
class Program(Generic[S]):
    """The parts of the program, which stand above the command line."""

    version: str
    load: Callable[[Path | None, str | None], S]  # raises settings.ConfigError, in that language or the settings'
    load_service: Callable[[str | None], S | None]  # for root those of the installed service; None for others
    defaults: Callable[[], S]  # the settings' defaults, for what needs no others
    effective: Callable[[S, str], str]  # the settings in force, as text without secrets, in that language
    run: Callable[[S, Callable[[], S]], int]  # the bot, with what reads the settings again
    demo: Callable[[], int]
    open_nodes: OpenNodes[S]
    target: Callable[[S], LinkTarget]
    patient: Callable[[S, bool], Patient]  # True: where a service is installed, the settings that it has
    clock: Clock


@dataclass(frozen=True, slots=True)
class Call(Generic[S]):
    """One command with what it was asked."""

    program: Program[S]
    settings: S
    tr: Translate
    language: str  # of tr

    def say(self, text: str, **values: object) -> None:
        """Print a marked text with its values."""
        print(self.tr(text).format(**values))
