"""How long to wait before the next attempt: gentle with a node that is there, eager for one that is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Seconds: an attempt that is not accepted costs the node nothing, and most absences are reboots
EAGER_WAIT = 1.0
# Seconds of an outage with such attempts
EAGER_FOR = 120.0
# Seconds; after that
REFUSAL_WAITS = (2.0, 3.0, 5.0)
# Seconds; from 15 on it is the specification's ladder
TROUBLE_WAITS = (1.0, 5.0, 15.0, 30.0, 60.0)
# Links in a row that the node closed so soon after READY: another client takes its only place
CONTENTION_LOSSES = 3
# Seconds from READY
CLOSED_SOON = 5.0
# Links in a row that the node closed after as long a time each: another client that comes back in its own rhythm
REGULAR_LOSSES = 5
# Seconds from READY, and of difference between these links: programs come back after seconds, a network fails anyhow
REGULAR_WITHIN = 60.0
REGULAR_SPREAD = 2.0
# Of each wait, either way, so that two clients of one node do not retry in step
JITTER = 0.1


class Backoff:
    """Counts failures and returns after each the wait in seconds; does no I/O."""

    def __init__(self, cleanup_delay: float, jitter: Callable[[], float]) -> None:
        """Take TCP_INTERFACE_CLEANUP_DELAY and a source of numbers in [-1, 1]."""
        self._cleanup_delay = cleanup_delay
        self._jitter = jitter
        self.refusals = 0
        self.troubles = 0
        # in a row
        self.soon_closed = 0
        # how long the links lasted that the node closed in a row, as regularly as a client comes back
        self._regular: list[float] = []

    def closed(self, lasted: float) -> None:
        """Note that the node closed a link, so many seconds after READY."""
        kept = [*self._regular[-REGULAR_LOSSES:], lasted] if lasted < REGULAR_WITHIN else []
        is_regular = bool(kept) and max(kept) - min(kept) <= REGULAR_SPREAD
        self._regular = kept if is_regular else kept[-1:]

    def not_closed(self) -> None:
        """Note another end of a link or attempt: refused, silent, reset."""
        self._regular.clear()

    @property
    def contended_losses(self) -> int:
        """How many losses have just become evidence of another client; 0: none."""
        if self.soon_closed == CONTENTION_LOSSES:
            return CONTENTION_LOSSES
        is_new = len(self._regular) == REGULAR_LOSSES and self.soon_closed < CONTENTION_LOSSES
        return REGULAR_LOSSES if is_new else 0

    def after_refusal(self, outage: float) -> float:
        """The node did not accept: refused, unreachable, no answer; `outage` in seconds so far.

        A node that another client has taken accepts: so it was not that.
        """
        self.soon_closed = 0
        if outage < EAGER_FOR:
            return self._spread(EAGER_WAIT)
        self.refusals += 1
        return self._spread(_step(REFUSAL_WAITS, self.refusals))

    def after_trouble(self) -> float:
        """The node accepted and then did not deliver: no configuration, or nothing after it."""
        self.refusals = self.soon_closed = 0
        self.troubles += 1
        return self._spread(max(_step(TROUBLE_WAITS, self.troubles), self._cleanup_delay))

    def after_soon_closed(self) -> float:
        """The node closed the link soon after READY: once or twice that is a reboot, again and again another client."""
        self.refusals = 0
        self.soon_closed += 1
        step = max(1, self.soon_closed - CONTENTION_LOSSES + 1)
        return self._spread(max(_step(TROUBLE_WAITS, step), self._cleanup_delay))

    def after_loss(self) -> float:
        """A good link was lost: earlier failures no longer count."""
        self.refusals = self.troubles = self.soon_closed = 0
        return self._spread(self._cleanup_delay)

    def after_request(self) -> float:
        """We ended the link ourselves: no failure, nothing is counted."""
        self.refusals = 0
        return self._spread(self._cleanup_delay)

    def reset(self) -> None:
        """Forget all failures: they have an explanation."""
        self.refusals = self.troubles = self.soon_closed = 0
        self.not_closed()

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + JITTER * self._jitter())


def _step(waits: Sequence[float], count: int) -> float:
    return waits[min(count, len(waits)) - 1]
