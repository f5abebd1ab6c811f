"""One incident's message: its beginning, how it goes on, and what is left of it when it is old; pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from meshbot.commands import Translate, duration
from meshbot.commands import mark as _
from meshbot.runtime import Incident

JOIN: Final = 600.0  # seconds after its last change in which what happens again is the same incident
SPAN: Final = 6 * 3600.0  # seconds after its beginning when what happens again is a new one, for somebody to hear
STALE: Final = 2 * 3600.0  # seconds after which what has no end is no news of its own
SHOWN: Final = 8  # keys, or nodes, in one message
FIRST_YEAR: Final = 2026  # a Pi without network starts in its past


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks, and the reader's language."""

    now: float
    wall: datetime
    translate: Translate

    def stamp(self, at: float) -> str:
        """Return the wall time of a monotonic one, as in ` 14:02`; nothing where the wall clock cannot be right."""
        if self.wall.year < FIRST_YEAR:
            return ""
        then = self.wall - timedelta(seconds=self.now - at)
        return f" {then:%H:%M}" if then.date() == self.wall.date() else f" {then:%d/%m %H:%M}"

    def say(self, marked: str, **values: object) -> str:
        """Translate and fill in."""
        return self.translate(marked).format(**values)

    def lasting(self, seconds: float) -> str:
        """Return `12 min`."""
        return duration(seconds, self.translate)


@dataclass(frozen=True, slots=True)
class Tally:
    """Stories of one kind, added up."""

    times: int
    last: float  # monotonic seconds
    seconds: float = 0.0  # in all
    nodes: tuple[str, ...] = ()  # at most SHOWN

    def and_then(self, later: Tally) -> Tally:
        """Return the sum."""
        nodes = tuple(dict.fromkeys((*self.nodes, *later.nodes)))[:SHOWN]
        return Tally(self.times + later.times, later.last, self.seconds + later.seconds, nodes)


class AlertMessage(ABC):
    """One incident from its beginning on. What it keeps is bounded, whatever comes."""

    begins_with: tuple[type[Incident], ...]
    ends_with: tuple[type[Incident], ...] = ()
    missed: str  # a marked line about a Tally

    def __init__(self, now: float) -> None:
        self.is_over = True  # nothing is out of order now
        self.is_silent = False  # nobody need look up
        self._began = self._changed = now

    def goes_on_with(self, incident: Incident, now: float) -> bool:
        """Return whether this belongs here."""
        if isinstance(incident, self.ends_with):
            return not self.is_over
        return not self.is_over or (now < self._changed + JOIN and now < self._began + SPAN)

    def is_stale(self, now: float) -> bool:
        """Return whether it is worth no message of its own any more."""
        return self.is_over and (bool(self.ends_with) or now >= self._changed + STALE)

    def take(self, incident: Incident, now: float) -> None:
        """Take what has happened."""
        self._changed = now
        self._take(incident, now)

    @abstractmethod
    def _take(self, incident: Incident, now: float) -> None: ...

    @abstractmethod
    def text(self, moment: Moment) -> str:
        """Tell it as it stands; the same as long as nothing is taken and the wall clock goes right."""

    def afresh(self, now: float) -> Self | None:  # noqa: ARG002 - most are heard of when they begin
        """Return what a message of its own is to tell from now on, which this story then leaves out; None: nothing."""
        return None

    @abstractmethod
    def tally(self) -> Tally:
        """Return what is worth telling later."""

    @classmethod
    def missed_line(cls, tally: Tally, moment: Moment) -> str:
        """Return a line about what a tally counts."""
        return moment.say(
            cls.missed,
            stamp=moment.stamp(tally.last),
            times=tally.times,
            duration=moment.lasting(tally.seconds),
            nodes=", ".join(tally.nodes),
        )


class StateAlert(AlertMessage):
    """Something is out of order, until it is well again; then it may begin anew."""

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._times = 0
        self._seconds = self._lasted = 0.0  # of those that are over, and of the last of them
        self._first = self._since = self._until = now

    def _out_of_order(self, since: float) -> None:
        if self.is_over:
            self.is_over = False
            self._first = since if self._times == 0 else self._first
            self._times += 1
            self._since = since

    def _well_again(self, now: float) -> None:
        self.is_over = True
        self._until = now
        self._lasted = now - self._since
        self._seconds += self._lasted

    def afresh(self, now: float) -> Self | None:
        """See Story: what began again changed an old message without a sound, so if it lasts it needs a new one."""
        if self.is_over or self._times == 1 or now < self._since + JOIN:
            return None
        later = copy(self)
        later.leave_out_what_was_before()
        self.is_over, self._times, self._changed = True, self._times - 1, self._until
        return later

    def leave_out_what_was_before(self) -> None:
        """Begin with what is out of order now."""
        self._times, self._seconds = 1, 0.0
        self._began = self._first = self._since

    def tally(self) -> Tally:
        """See Story."""
        return Tally(self._times, self._until, self._seconds)

    def several(self, moment: Moment) -> str:
        """Return a line about how often, if it was not once."""
        if self._times == 1:
            return ""
        line = _("{times} times in {span}, {duration} in all.")
        span, total = moment.lasting(self._changed - self._first), moment.lasting(self._seconds)
        return "\n" + moment.say(line, times=self._times, span=span, duration=total)
