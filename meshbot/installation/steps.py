"""What an installation consists of, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A folder with these rights; one that is there gets them too."""

    path: Path
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file with these rights, whatever the umask; `keep` leaves one that is there as it is."""

    path: Path
    text: str
    mode: int = 0o644
    keep: bool = False


@dataclass(frozen=True, slots=True)
class CopyFiles:
    """Files, by their place below `folder`, which everybody may read."""

    folder: Path
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Replace:
    """A folder by another one, in which the next version was made ready."""

    path: Path
    by: Path


@dataclass(frozen=True, slots=True)
class Remove:
    """A file, a link or a folder with all that is in it; it may be missing."""

    path: Path


@dataclass(frozen=True, slots=True)
class RemoveEmpty:
    """A folder, if nothing is in it."""

    path: Path


@dataclass(frozen=True, slots=True)
class Run:
    """A command that must succeed, unless it `may_fail`; `failure` is a marked text that says what to do."""

    command: tuple[str | Path, ...]
    failure: str
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """A marked text for the person, with its values."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)


Step = MakeFolder | WriteFile | CopyFiles | Replace | Remove | RemoveEmpty | Run | Say
