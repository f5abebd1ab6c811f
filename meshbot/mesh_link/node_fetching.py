"""When a configuration is requested without the other nodes, and when these are fetched; pure.

A whole configuration is tens of kilobytes, nearly all of it other nodes: over a slow link, or from firmware that closes
the connection on a short write (link_facts §5), it may never complete. Without them it is 4 kB (link_facts §2).
"""

from __future__ import annotations

from math import inf

# Configurations in a row that began to arrive and did not complete
INCOMPLETE_LIMIT = 2
# Seconds from READY: what waited is sent and answered first, because meanwhile the node delivers nothing else
FETCH_AFTER = 30.0
# Times as long after each fetch that did not complete, up to FETCH_AT_MOST seconds
FETCH_LATER = 10.0
FETCH_AT_MOST = 3600.0


class NodeFetching:
    """Follows one session after another. Times are monotonic seconds."""

    def __init__(self) -> None:
        # in a row
        self._incomplete = 0
        self._failed_fetches = 0
        self._without_nodes = False
        self._is_fetching = False
        self.due = inf

    def new_session(self) -> bool:
        """Begin a session; return whether it shall request its configuration without the other nodes."""
        self.due, self._is_fetching = inf, False
        self._without_nodes = self._incomplete >= INCOMPLETE_LIMIT
        return self._without_nodes

    def ready(self, now: float) -> None:
        """Take a complete configuration."""
        self.due, self._is_fetching = inf, False
        if not self._without_nodes:
            self._incomplete = 0
            return
        self.due = now + min(FETCH_AFTER * FETCH_LATER**self._failed_fetches, FETCH_AT_MOST)

    def is_due(self, now: float) -> bool:
        """Return, once, that the other nodes are to be fetched now."""
        if now < self.due:
            return False
        self.due, self._is_fetching = inf, True
        return True

    def complete(self) -> None:
        """Take the other nodes' arrival."""
        self._is_fetching = self._without_nodes = False
        self._incomplete = self._failed_fetches = 0

    def ended(self, *, incomplete: bool) -> None:
        """Take a session's end; `incomplete`: its configuration had begun to arrive and was not complete."""
        self._incomplete += incomplete
        self._failed_fetches += self._is_fetching
        self._is_fetching = False
