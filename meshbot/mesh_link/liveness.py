"""Whether the node is still there: the failure detector of the link. No threads, no sockets, no clock.

A silent node is suspected after `probe_after`: then a heartbeat asks, and asks again, until any byte comes or
`probe_misses` waits have passed. A wait is the measured round trip with its variation, as TCP has it (RFC 6298), and
never less than `probe_timeout`. A node that proves to be alive after a wait was over has shown how late it can be:
from then on, for good, that much is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from math import inf

# Of a new round trip in the smoothed one, and in its variation: RFC 6298's alpha and beta
ALPHA, BETA = 1 / 8, 1 / 4
VARIATIONS = 4
# Heartbeats within probe_timeout: each answer can get lost alone, to another client for instance (link_facts §7)
PROBES_A_WAIT = 4
# Heartbeats under way of which an answer is taken to be the first's (Karn's rule would say 1)
MAX_MATCHED_PROBES = 3
# How much later than ever before an answer may come
LATENESS_MARGIN = 1.4
# Round trips that TCP below us may need for a segment that is lost again and again
REPEATS = 8
# Seconds of round trip; on a slower path the system's repeats are ordinary losses, and the next one may still arrive
QUICK_PATH = 0.25


@dataclass(frozen=True, slots=True)
class ProbeTimes:
    """The detector's durations in seconds; config.py documents each."""

    probe_after: float  # 0: never probe, silent_timeout alone decides
    probe_timeout: float
    probe_misses: int
    silent_timeout: float


class Verdict(Enum):
    """What a moment calls for."""

    WAIT = auto()
    PROBE = auto()
    DEAD = auto()


class Liveness:
    """Watches one link after another; what it learnt of the node stays. Times are monotonic seconds."""

    def __init__(self, times: ProbeTimes) -> None:
        self._times = times
        # smoothed
        self._round_trip = self._variation = 0.0
        # no answer was timed yet
        self._is_guess = True
        # the longest that a node was suspected beyond a wait and yet alive
        self._latest = 0.0
        self.begin(0.0)

    def begin(self, now: float, *, answers: bool = False) -> None:
        """Start with a link; `answers`: its firmware answers heartbeats."""
        self._answers = answers
        self._heard = now
        self._suspected_at: float | None = None
        self._probed_at = -inf
        # heartbeats without an answer, since the last one that was answered
        self._asked: list[float] = []

    @property
    def heard_at(self) -> float:
        """When the last byte came, or the link began."""
        return self._heard

    def heard(self, at: float) -> None:
        """Take note of bytes at `at`: any of them proves life."""
        if at <= self._heard:
            return
        self._heard = at
        if self._suspected_at is not None and at - self._suspected_at > self.wait:
            self._latest = max(self._latest, at - self._suspected_at)
        self._suspected_at = None

    def probed(self, now: float) -> None:
        """Take note of a heartbeat that is sent, for whatever reason."""
        self._probed_at = now
        self._asked.append(now)

    def answered(self, now: float) -> None:
        """Take note of an answer to a heartbeat: to the first, unless so many are under way that nobody knows."""
        if 0 < len(self._asked) <= MAX_MATCHED_PROBES:
            self._measure(now - self._asked[0])
        self._asked.clear()

    def guess(self, round_trip: float) -> None:
        """Take a round trip that is no heartbeat's; it counts until the first of these."""
        if self._is_guess:
            self._round_trip, self._variation = round_trip, round_trip / 2

    def _measure(self, seconds: float) -> None:
        if self._is_guess:
            self._is_guess = False
            self._round_trip, self._variation = seconds, seconds / 2
            return
        self._variation += BETA * (abs(seconds - self._round_trip) - self._variation)
        self._round_trip += ALPHA * (seconds - self._round_trip)

    @property
    def wait(self) -> float:
        """How long a heartbeat may go without an answer before that is a miss, in seconds."""
        times, round_trip = self._times, self._round_trip
        # TCP below us repeats what is lost after one round trip, then two, four, eight: however steady it was until now
        measured = round_trip + max(VARIATIONS * self._variation, REPEATS * round_trip)
        learnt = LATENESS_MARGIN * self._latest / times.probe_misses
        longest = (times.silent_timeout - times.probe_after) / times.probe_misses
        return max(times.probe_timeout, min(longest, max(measured, learnt)))

    def longest_silence(self, *, unacknowledged: bool = False) -> float:
        """Seconds without a byte after which the link is dead; see `check`."""
        times = self._times
        misses = self._misses(unacknowledged=unacknowledged)
        return times.probe_after + misses * self.wait if self._decides else times.silent_timeout

    def _misses(self, *, unacknowledged: bool) -> int:
        return 1 if unacknowledged and self._round_trip <= QUICK_PATH else self._times.probe_misses

    @property
    def _decides(self) -> bool:
        """Whether unanswered heartbeats mean a dead link; else only silent_timeout does."""
        return self._answers and self._times.probe_after > 0

    def due(self) -> float:
        """When to ask for the next verdict."""
        dead_at = inf if self._decides and self._suspected_at is None else self._dead_at()
        if not self._times.probe_after:
            return dead_at
        return min(dead_at, self._next_probe())

    def _dead_at(self) -> float:
        if not self._decides or self._suspected_at is None:
            return self._heard + self._times.silent_timeout
        return self._suspected_at + self._times.probe_misses * self.wait

    def _next_probe(self) -> float:
        if self._suspected_at is None:
            return self._heard + self._times.probe_after
        often = max(self._times.probe_timeout / PROBES_A_WAIT, self._round_trip)
        pause = often if self._answers else self.wait
        return max(self._probed_at, self._suspected_at) + pause

    def check(self, now: float, *, unacknowledged: bool = False) -> Verdict:
        """Return what is due at `now`; for PROBE the node is suspected from now on, and `probed` must follow.

        `unacknowledged`: the system has sent our bytes again and again without an answer from the node's. That is no
        busy node but an absent one: the first miss decides, if the path is a quick one.
        """
        if self._decides and self._suspected_at is not None:
            if now >= self._suspected_at + self._misses(unacknowledged=unacknowledged) * self.wait:
                return Verdict.DEAD
        elif now >= self._dead_at() and not self._decides:
            return Verdict.DEAD
        if not self._times.probe_after or now < self._next_probe():
            return Verdict.WAIT
        if self._suspected_at is None:
            self._suspected_at = now
            # what is still missing from earlier is lost
            self._asked.clear()
        return Verdict.PROBE
