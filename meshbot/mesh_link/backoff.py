"""How long to wait before the next attempt: gentle with a node that is there, eager for one that is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Seconds; an attempt that is not accepted costs the node nothing
REFUSAL_WAITS = (1.0, 2.0, 3.0, 5.0)
# Seconds; from 15 on it is the specification's ladder
TROUBLE_WAITS = (1.0, 5.0, 15.0, 30.0, 60.0)
# In a row: another client probably takes the node's only place
CONTENTION_TROUBLES = 3
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

    def after_refusal(self) -> float:
        """The node did not accept: refused, unreachable, no answer."""
        self.refusals += 1
        return self._spread(_step(REFUSAL_WAITS, self.refusals))

    def after_trouble(self) -> float:
        """The node accepted, then failed to deliver, or dropped the link before it had lasted."""
        self.refusals = 0
        self.troubles += 1
        return self._spread(max(_step(TROUBLE_WAITS, self.troubles), self._cleanup_delay))

    def after_loss(self) -> float:
        """A link that had lasted was lost: earlier failures no longer count."""
        self.refusals = self.troubles = 0
        return self._spread(self._cleanup_delay)

    def after_request(self) -> float:
        """An operator asked for a new link: no failure, nothing is counted."""
        self.refusals = 0
        return self._spread(self._cleanup_delay)

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + JITTER * self._jitter())


def _step(waits: Sequence[float], count: int) -> float:
    return waits[min(count, len(waits)) - 1]
