"""The link's last days: when it was up, when it was not, and why."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from meshbot.mesh_link import Action, LinkDown, LinkReady
from meshbot.persistence.write_behind import WriteBehind
from meshbot.runtime import Clock, LinkCause
from meshbot.storage import DAY, Database, LinkPeriodRow, LinkPeriodStore

KEPT_FOR: Final = 7 * DAY  # seconds
# Periods: 600 kB. A link that comes and goes each two minutes reaches it within a week
MOST: Final = 5000
# Seconds: a link that does not last longer than this ends no outage
STEADY: Final = 60.0
# The cause of an outage over which the connection stayed
RESTARTED: Final = "NODE_RESTARTED"
# Seconds that a change may wait for its commit, and between two that only say that nothing has changed
SAVE_WITHIN: Final = 30.0
SAVE_EVERY: Final = 900.0


@dataclass(slots=True)
class Period:
    """A time in which the link was up, or was not; monotonic seconds."""

    number: int
    began: float
    is_up: bool
    ended: float | None = None  # None: it goes on
    cause: str = ""
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What is to be committed."""

    rows: Sequence[LinkPeriodRow]
    gone: Sequence[tuple[int, int]]


class LinkPeriods:
    """What one process has seen of the link; pure. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.periods: deque[Period] = deque(maxlen=MOST)
        # numbers of periods that have become part of an earlier one
        self.merged: list[int] = []
        self._next = 0

    def take(self, actions: Sequence[Action], outage_since: float | None, now: float) -> bool:
        """Take what the link machine decided, and since when it has no link; return whether a period has changed."""
        changed = False
        for action in actions:
            match action:
                case LinkDown():
                    # not before: the end of the process is no outage
                    changed |= self._lost(now if outage_since is None else outage_since)
                    changed |= self._name(action.failure.cause)
                case LinkReady():
                    if self.periods and self.periods[-1].is_up:
                        self._lost(max(now - action.outage, self.periods[-1].began))
                        self.periods[-1].cause = RESTARTED
                    changed |= self._ready(now)
        return changed

    def _lost(self, since: float) -> bool:
        last = self.periods[-1] if self.periods else None
        if last is not None and not last.is_up:
            return False
        if last is not None and len(self.periods) > 1 and since - last.began < STEADY:
            self.merged.append(self.periods.pop().number)
            outage = self.periods[-1]
            outage.ended, outage.losses = None, outage.losses + 1
            return True
        if last is not None:
            last.ended = since
        self._begin(since, is_up=False)
        return True

    def _name(self, cause: LinkCause) -> bool:
        last = self.periods[-1] if self.periods else None
        if last is None or last.is_up or cause is LinkCause.OTHER or last.cause == cause.name:
            return False
        last.cause = cause.name
        return True

    def _ready(self, now: float) -> bool:
        if self.periods:
            self.periods[-1].ended = now
        self._begin(now, is_up=True)
        return True

    def _begin(self, at: float, *, is_up: bool) -> None:
        self.periods.append(Period(self._next, at, is_up))
        self._next += 1


class LinkHistory(WriteBehind[LinkPeriodStore, Unsaved]):
    """Thread-safe. `take` is called by the link's thread, and waits for nothing."""

    subject: ClassVar = "Histoire du lien"
    retry_after: ClassVar = 10.0

    def __init__(self, database: Database | None, clock: Clock) -> None:
        """Read nothing yet: the first `flush` does."""
        super().__init__(LinkPeriodStore(database) if database else None, clock)
        self._run = int(clock.now().timestamp() * 1000)
        # protects what follows; held for no I/O
        self._periods_lock = threading.Lock()
        self._seen = LinkPeriods()
        self._before: list[LinkPeriodRow] = []
        # the first number that is not in the database as it is now
        self._unsaved_from = 0
        # the database lacks what earlier processes saw
        self._has_lost_before = False

    def take(self, actions: Sequence[Action], outage_since: float | None, now: float) -> None:
        """See LinkObserver."""
        with self._periods_lock:
            changed = self._seen.take(actions, outage_since, now)
        if changed:
            self.schedule(now + SAVE_WITHIN)

    def periods(self) -> list[LinkPeriodRow]:
        """Return the last KEPT_FOR seconds in order of time; the last one goes on."""
        since = int(self._clock.now().timestamp()) - KEPT_FOR
        with self._periods_lock:
            rows = [*self._before, *self._rows(0)]
        return [row for row in rows if row.ended >= since]

    def _rows(self, first: int) -> list[LinkPeriodRow]:
        """Return what this process has seen, from a number on, by the wall clock as it is now."""
        now = self._clock.monotonic()
        offset = self._clock.now().timestamp() - now
        return [
            LinkPeriodRow(
                self._run,
                each.number,
                int(each.began + offset),
                int((now if each.ended is None else each.ended) + offset),
                each.is_up,
                each.cause,
                each.losses,
            )
            for each in self._seen.periods
            if each.number >= first
        ]

    def _load(self, store: LinkPeriodStore) -> None:
        before = [row for row in store.load() if row.run != self._run][-MOST:]
        with self._periods_lock:
            self._before = before

    def _on_new_database(self, store: LinkPeriodStore) -> None:  # noqa: ARG002 - see WriteBehind
        with self._periods_lock:
            self._unsaved_from, self._has_lost_before = 0, True

    def _take_unsaved(self, *, last: bool) -> Unsaved:  # noqa: ARG002 - see WriteBehind
        with self._periods_lock:
            rows = self._rows(self._unsaved_from)
            gone, self._seen.merged = self._seen.merged, []
            if rows:
                # the last one goes on, and the one before may again
                self._unsaved_from = max(0, rows[-1].number - 1)
            if self._has_lost_before:
                self._has_lost_before, rows = False, [*self._before, *rows]
        return Unsaved(rows, [(self._run, number) for number in gone])

    def _save(self, store: LinkPeriodStore, batch: Unsaved) -> None:
        now = self._clock.now().timestamp()
        if batch.rows or batch.gone:
            store.save(batch.rows, batch.gone, int(now) - KEPT_FOR)
        self.schedule(self._clock.monotonic() + SAVE_EVERY)

    def _put_back(self, batch: Unsaved) -> None:
        with self._periods_lock:
            self._seen.merged = [*(number for _, number in batch.gone), *self._seen.merged]
            own = [row.number for row in batch.rows if row.run == self._run]
            self._unsaved_from = min([self._unsaved_from, *own])
            self._has_lost_before |= len(own) < len(batch.rows)
