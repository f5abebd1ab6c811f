"""Notices a thread that hangs: systemd is no longer fed, and the process ends to be started again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import inf
from typing import Final, Protocol

from meshbot.runtime.errors import MeshBotError
from meshbot.runtime.service import PING
from meshbot.runtime.systemd import notify

LOGGER = logging.getLogger(__name__)
# Seconds between two looks where systemd does not watch, and at most where it does
LOOK_EVERY: Final = 10.0
LONGEST_PERIOD: Final = 30.0
# Seconds without an answer: until it is logged where systemd does not watch, and until the process ends
REPORT_AFTER: Final = 30.0
HUNG_AFTER: Final = 90.0


class HungThreadError(MeshBotError):
    """A thread has not answered for HUNG_AFTER; the text names it."""


class Beating(Protocol):
    """A thread that answers pings: a Service, or what stands for a thread of a library's."""

    name: str

    @property
    def pings_answered(self) -> int:
        """How many so far."""

    def tell(self, message: object) -> None:
        """Take PING; returns at once."""


class HealthCheck:
    """Stands for threads that answer no pings: it answers for them as long as they are well."""

    def __init__(self, name: str, is_well: Callable[[], bool]) -> None:
        """`is_well` returns at once; the main thread asks it."""
        self.name = name
        self._is_well = is_well
        self._pings = self._answered = 0

    def tell(self, _ping: object) -> None:
        """Count a ping."""
        self._pings += 1

    @property
    def pings_answered(self) -> int:
        """See Beating."""
        if self._is_well():
            self._answered = self._pings
        return self._answered


class _Pulse:
    """One thread's pings, and for how long it has left one unanswered."""

    def __init__(self, thread: Beating) -> None:
        self.thread = thread
        self.silent = 0.0
        self._pinged = 0

    def look(self, elapsed: float) -> None:
        """Take the seconds since the last look; ping again once the last one has been answered."""
        if self.thread.pings_answered < self._pinged:
            self.silent += elapsed
            return
        self.silent = 0.0
        self._pinged += 1
        self.thread.tell(PING)


class Watchdog:
    """Pings the threads that matter, feeds systemd while they answer, and says which one hangs."""

    def __init__(
        self,
        interval: float | None,
        watched: Sequence[Beating],
        disk_bound: Sequence[Beating] = (),
        disk_users: Sequence[Beating] = (),
    ) -> None:
        """`interval` is the seconds between two looks for systemd, None where it does not watch.

        `disk_bound` threads may wait for a stalled disk: they are pinged as well, but only an error line tells that
        they do not answer. A restart would cut the link, and wait for the same disk. `disk_users` are watched but
        while one of these is silent: then they hang for the same reason.
        """
        self._for_systemd = interval is not None
        self._period = LOOK_EVERY if interval is None else min(interval, LONGEST_PERIOD)
        self._watched = [_Pulse(thread) for thread in watched]
        self._disk_bound = [_Pulse(thread) for thread in disk_bound]
        self._disk_users = [_Pulse(thread) for thread in disk_users]
        self._reported: set[Beating] = set()
        self._looked_at = self._due = -inf

    def beats(self) -> list[tuple[str, int, float]]:
        """Return each thread's name, how many pings it has answered, and for how many seconds it has left one.

        Any thread may ask.
        """
        pulses = (*self._watched, *self._disk_bound, *self._disk_users)
        return [(pulse.thread.name, pulse.thread.pings_answered, pulse.silent) for pulse in pulses]

    def look(self, now: float) -> HungThreadError | None:
        """Look at the threads if it is time to; return the reason to end, if one hangs. Never waits.

        `now` is in monotonic seconds. Between two looks at most a period counts: a process that was stopped, or a
        machine that slept, was silent as a whole.
        """
        if now < self._due:
            return None
        elapsed = min(now - self._looked_at, self._period)
        self._looked_at, self._due = now, now + self._period
        for pulse in (*self._watched, *self._disk_bound, *self._disk_users):
            pulse.look(elapsed)
        self._report_disk_bound()
        if any(pulse.silent for pulse in self._disk_bound):
            for pulse in self._disk_users:
                pulse.silent = 0.0
        watched = (*self._watched, *self._disk_users)
        silent = [pulse for pulse in watched if pulse.silent]
        if not silent:
            self._reported -= {pulse.thread for pulse in watched}
            if self._for_systemd:
                notify("WATCHDOG=1")
            return None
        self._report(silent)
        hung = [pulse.thread.name for pulse in silent if pulse.silent >= HUNG_AFTER]
        return HungThreadError(", ".join(hung)) if hung else None

    def _report(self, silent: Sequence[_Pulse]) -> None:
        """Report threads at each look for systemd, which ends the process earlier than this; else once."""
        if self._for_systemd:
            names = ", ".join(pulse.thread.name for pulse in silent)
            LOGGER.error("❌ Ne répond plus: %s; systemd va relancer le bot", names)
            return
        for pulse in silent:
            if pulse.silent >= REPORT_AFTER and pulse.thread not in self._reported:
                self._reported.add(pulse.thread)
                LOGGER.error("❌ Ne répond plus: %s; le bot s'arrête si cela dure %d s", pulse.thread.name, HUNG_AFTER)

    def _report_disk_bound(self) -> None:
        """Report a stall once, and again only after it has ended."""
        for pulse in self._disk_bound:
            if not pulse.silent:
                self._reported.discard(pulse.thread)
            elif pulse.silent >= min(REPORT_AFTER, self._period if self._for_systemd else inf):
                if pulse.thread not in self._reported:
                    LOGGER.error("❌ Ne répond plus: %s, qui attend le disque; la radio continue", pulse.thread.name)
                self._reported.add(pulse.thread)
