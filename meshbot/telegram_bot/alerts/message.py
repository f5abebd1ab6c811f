"""The message of one incident: what opens, updates and resolves it, and its totals when it is old; pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from meshbot.commands import Translate, duration
from meshbot.commands import mark as _
from meshbot.runtime import Incident

# Seconds after the last change in which a repetition belongs to the same message
JOIN: Final = 600.0
# Seconds after the opening from which a repetition gets a new message, which notifies
SPAN: Final = 6 * 3600.0
# Seconds after which an incident that is not a state gets no message of its own
STALE: Final = 2 * 3600.0
SHOWN: Final = 8  # keys, or nodes, in one message
# A Pi without network starts with an earlier date
FIRST_YEAR: Final = 2026


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks, and the reader's language."""

    now: float
    wall: datetime
    translate: Translate

    def stamp(self, at: float) -> str:
        """Return the wall time of a monotonic one, as in ` 14:02`; empty if the wall clock cannot be right."""
        if self.wall.year < FIRST_YEAR:
            return ""
        then = self.wall - timedelta(seconds=self.now - at)
        return f" {then:%H:%M}" if then.date() == self.wall.date() else f" {then:%d/%m %H:%M}"

    def format(self, marked: str, **values: object) -> str:
        """Translate a marked text and fill in its values."""
        return self.translate(marked).format(**values)

    def duration(self, seconds: float) -> str:
        """Return a duration, as in `12 min`."""
        return duration(seconds, self.translate)


@dataclass(frozen=True, slots=True)
class Totals:
    """Incidents of one kind, added up."""

    times: int
    last: float  # monotonic seconds
    seconds: float = 0.0  # durations, added up
    nodes: tuple[str, ...] = ()  # at most SHOWN

    def plus(self, later: Totals) -> Totals:
        """Return the sum."""
        nodes = tuple(dict.fromkeys((*self.nodes, *later.nodes)))[:SHOWN]
        return Totals(self.times + later.times, later.last, self.seconds + later.seconds, nodes)


class AlertMessage(ABC):
    """One incident, from what opens it on. What it keeps is bounded, whatever happens."""

    opened_by: tuple[type[Incident], ...]
    resolved_by: tuple[type[Incident], ...] = ()
    missed: str  # a marked line about Totals

    def __init__(self, now: float) -> None:
        self.is_resolved = True
        self.is_silent = False  # sent without a notification sound
        self._opened_at = self._changed = now

    def accepts(self, incident: Incident, now: float) -> bool:
        """Return whether the incident belongs to this message."""
        if isinstance(incident, self.resolved_by):
            return not self.is_resolved
        return not self.is_resolved or (now < self._changed + JOIN and now < self._opened_at + SPAN)

    def is_stale(self, now: float) -> bool:
        """Return whether it is too old for a message of its own."""
        return self.is_resolved and (bool(self.resolved_by) or now >= self._changed + STALE)

    def take(self, incident: Incident, now: float) -> None:
        """Take an incident that belongs to this message."""
        self._changed = now
        self._take(incident, now)

    @abstractmethod
    def _take(self, incident: Incident, now: float) -> None: ...

    @abstractmethod
    def text(self, moment: Moment) -> str:
        """Return the text as of now; it stays the same as long as nothing is taken and the wall clock does not jump."""

    def split_off(self, now: float) -> Self | None:  # noqa: ARG002 - most notify when they are opened
        """Move the part that needs a new message, with a notification, out of this one; return it, None: nothing."""
        return None

    @abstractmethod
    def totals(self) -> Totals:
        """Return what the summary after an outage of Telegram shows."""

    @classmethod
    def missed_line(cls, totals: Totals, moment: Moment) -> str:
        """Return the summary's line about these totals."""
        return moment.format(
            cls.missed,
            stamp=moment.stamp(totals.last),
            times=totals.times,
            duration=moment.duration(totals.seconds),
            nodes=", ".join(totals.nodes),
        )


@dataclass(slots=True)
class SentAlert:
    """An alert, and its text in the chats."""

    key: str
    alert: AlertMessage
    text: str = ""  # as last sent; empty: never
    changed: bool = False  # since then


class StateAlert(AlertMessage):
    """A state that is wrong from one incident to another, perhaps several times."""

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._times = 0
        self._seconds = self._lasted = 0.0  # of the resolved times, and of the last of them
        self._first = self._since = self._until = now
        # when the last resolved time began, and what was wrong
        self._ended: tuple[float, Incident] | None = None

    def _open(self, since: float) -> None:
        if self.is_resolved:
            self.is_resolved = False
            self._first = since if self._times == 0 else self._first
            self._times += 1
            self._since = since

    def _resolve(self, now: float) -> None:
        self.is_resolved = True
        self._until = now
        self._ended = self._since, self.opening
        self._lasted = now - self._since
        self._seconds += self._lasted

    @property
    def since(self) -> float:
        """When it last began, monotonic seconds."""
        return self._since

    def began(self, since: float) -> None:
        """Correct the beginning: it was seen by an earlier process."""
        self._first = self._since = self._opened_at = since

    @property
    @abstractmethod
    def opening(self) -> Incident:
        """The incident that tells what is wrong, as it was last."""

    def beginning(self, moment: Moment) -> tuple[str, Incident]:
        """Return when the last resolved time began, as Moment.stamp does, and what was wrong."""
        since, incident = self._ended or (self._since, self.opening)
        return moment.stamp(since), incident

    def split_off(self, now: float) -> Self | None:
        """See AlertMessage: a repetition edits an old message, which does not notify; one that lasts gets a new one."""
        if self.is_resolved or self._times == 1 or now < self._since + JOIN:
            return None
        later = copy(self)
        later.keep_the_last()
        self.is_resolved, self._times, self._changed = True, self._times - 1, self._until
        return later

    def keep_the_last(self) -> None:
        """Forget all times but the present one."""
        self._times, self._seconds = 1, 0.0
        self._opened_at = self._first = self._since

    def totals(self) -> Totals:
        """See AlertMessage."""
        return Totals(self._times, self._until, self._seconds)

    def repetitions(self, moment: Moment) -> str:
        """Return a line with the number of times, empty for one."""
        if self._times == 1:
            return ""
        line = _("{times} times in {span}, {duration} in all.")
        span, total = moment.duration(self._changed - self._first), moment.duration(self._seconds)
        return "\n" + moment.format(line, times=self._times, span=span, duration=total)
