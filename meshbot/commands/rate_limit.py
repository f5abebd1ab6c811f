"""A rate limit for each user; pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import Enum

# Node numbers can be forged: the user who has not asked for longest is forgotten
USERS_REMEMBERED = 1000


class Admission(Enum):
    """What to do with a command."""

    ALLOWED = "permise"
    REFUSED = "limite atteinte"  # with an answer, once
    IGNORED = "limite dépassée"


@dataclass(slots=True)
class _Record:
    times: deque[float] = field(default_factory=deque)  # of the commands that were allowed
    refused: bool = False  # since the last command that was allowed


class RateLimiter:
    """At most `commands` in any `seconds` for each user; then one refusal, then no answer until one is allowed."""

    def __init__(self, commands: int, seconds: float) -> None:
        """Take the bounds; 0 commands means no limit."""
        self._commands = commands
        self._seconds = seconds
        self._users: OrderedDict[str, _Record] = OrderedDict()

    def set_bounds(self, commands: int, seconds: float) -> None:
        """Take other bounds; what was counted counts."""
        self._commands, self._seconds = commands, seconds

    def ask(self, user: str, now: float) -> Admission:
        """Count one command of a user at `now` (monotonic seconds)."""
        if not self._commands:
            return Admission.ALLOWED
        record = self._record(user)
        while record.times and record.times[0] <= now - self._seconds:
            record.times.popleft()
        if len(record.times) < self._commands:
            record.times.append(now)
            record.refused = False
            return Admission.ALLOWED
        admission = Admission.IGNORED if record.refused else Admission.REFUSED
        record.refused = True
        return admission

    def _record(self, user: str) -> _Record:
        record = self._users.setdefault(user, _Record())
        self._users.move_to_end(user)
        if len(self._users) > USERS_REMEMBERED:
            self._users.popitem(last=False)
        return record
