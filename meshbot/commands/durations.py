"""Durations in few characters; pure."""

from __future__ import annotations

from meshbot.commands.formatting import DAY, HOUR, MINUTE
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _


def duration(seconds: float, tr: Translate) -> str:
    """Return it with its two greatest units: `42 s`, `12 min`, `3 h 12 min`, `2 d 4 h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return _two(f"{whole // HOUR} h", whole % HOUR // MINUTE, "min")
    return _two(tr(_("{count} d")).format(count=whole // DAY), whole % DAY // HOUR, "h")


def _two(first: str, count: int, unit: str) -> str:
    return f"{first} {count} {unit}" if count else first
