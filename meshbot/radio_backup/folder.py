"""The folder of backups: their names, and which of them are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from meshbot.mesh_link import OwnSettings

FOLDER: Final = "radio_backups"
SUFFIX: Final = ".radio.json"
# Of each identity: a node that was reset, and is another one, pushes no backup of the former out
KEPT: Final = 7


def name_of(settings: OwnSettings, fingerprint: str, saved_at: int) -> str:
    """Return a file's name, as in `20001eef-5972-20261128T030000Z.radio.json`."""
    stamp = f"{datetime.fromtimestamp(saved_at, UTC):%Y%m%dT%H%M%SZ}"
    return f"{settings.num:08x}-{fingerprint[:4]}-{stamp}{SUFFIX}"


def of_same_identity(name: str, names: Iterable[str]) -> list[str]:
    """Return the backups of the same number and key, the oldest first."""
    identity = name[: name.rindex("-") + 1]
    return sorted(each for each in names if each.startswith(identity) and each.endswith(SUFFIX))


def to_remove(name: str, names: Iterable[str]) -> list[str]:
    """Return the names of the backups that are no longer kept once `name` is there."""
    return of_same_identity(name, {*names, name})[:-KEPT]


def names_in(folder: Path) -> list[str]:
    """Return the names of all backups; none if there is no folder. Raises OSError."""
    try:
        return sorted(each.name for each in folder.iterdir() if each.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
