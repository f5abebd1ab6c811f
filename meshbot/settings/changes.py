"""What differs between the settings in force and those that were read again; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from meshbot.settings.sources import SourcedSettings

S = TypeVar("S", bound=SourcedSettings)


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What became of settings that were read again; names alone: values may be secret."""

    changed: tuple[str, ...] = ()  # in force from now on
    need_restart: tuple[str, ...] = ()  # differ from what is in force, and stay so
    problems: tuple[str, ...] = ()  # why nothing has changed


def merged(in_force: S, read: S, live: Collection[str]) -> tuple[S, ReloadReport]:
    """Return the settings to be in force now: of those that were read the `live` ones, all others as they were."""
    names = [name for name in type(in_force).model_fields if getattr(in_force, name) != getattr(read, name)]
    report = ReloadReport(
        tuple(name for name in names if name in live), tuple(name for name in names if name not in live)
    )
    new = in_force.model_copy(update={name: getattr(read, name) for name in report.changed})
    new.note_origins({name: read.origins[name] for name in report.changed if name in read.origins})
    return new, report
