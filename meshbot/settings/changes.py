"""What differs between the settings in force and those that were read again; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar

from meshbot.installation import mark as _
from meshbot.settings.sources import SourcedSettings

S = TypeVar("S", bound=SourcedSettings)


BUSY: Final = _("The settings are being read already, and the disk does not answer: try again.")


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What became of settings that were read again; names alone: values may be secret."""

    changed: tuple[str, ...] = ()  # in force from now on
    need_restart: tuple[str, ...] = ()  # differ from what is in force, and stay so
    problems: tuple[str, ...] = ()  # why nothing has changed, in the language of the settings, or marked

    @property
    def ok(self) -> bool:
        """Whether what was read is in force, as far as it can be."""
        return not self.problems

    def text(self, tr: Callable[[str], str]) -> str:
        """Return it for a person."""
        if self.problems:
            return "\n".join([*map(tr, self.problems), tr(_("❌ Settings refused, nothing has changed."))])
        changed = tr(_("⚙️ In force now: {names}")).format(names=", ".join(self.changed))
        lines = [changed if self.changed else tr(_("⚙️ Settings read again: nothing new."))]
        if self.need_restart:
            text = tr(_("⚠️ These wait for a restart: {names}"))
            lines.append(text.format(names=", ".join(self.need_restart)))
        return "\n".join(lines)


def merged(in_force: S, read: S, live: Collection[str]) -> tuple[S, ReloadReport]:
    """Return the settings to be in force now: of those that were read the `live` ones, all others as they were."""
    names = [name for name in type(in_force).model_fields if getattr(in_force, name) != getattr(read, name)]
    report = ReloadReport(
        tuple(name for name in names if name in live), tuple(name for name in names if name not in live)
    )
    return in_force.model_copy(update={name: getattr(read, name) for name in report.changed}), report
