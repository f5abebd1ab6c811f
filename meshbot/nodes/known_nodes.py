"""What is known of nodes and their keys, for any thread to ask."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from meshbot.nodes.key_states import KeyState, NodeKeys
from meshbot.nodes.operator_trust import NodeCounts, OperatorTrust
from meshbot.nodes.radio_state import TrustedKey
from meshbot.nodes.teachable import teachable
from meshbot.storage import KeyRow, NodeRow


class KnownNodes:
    """Answers out of memory and never waits; who has the memory fills it under the same lock."""

    _trust: OperatorTrust
    # held for no I/O
    _trust_lock: threading.Lock

    def node(self, num: int) -> NodeRow | None:
        """Return what is known of the node beside its key."""
        with self._trust_lock:
            return self._trust.nodes.get(num)

    def nodes(self) -> list[NodeRow]:
        """Return all nodes."""
        with self._trust_lock:
            return list(self._trust.nodes.values())

    def is_named(self, num: int) -> bool:
        """Return whether the node's name is known."""
        with self._trust_lock:
            row = self._trust.nodes.get(num)
        return row is not None and bool(row.long_name or row.short_name)

    def public_key(self, num: int) -> bytes | None:
        """Return the node's trusted key, 32 bytes."""
        with self._trust_lock:
            row = self._trust.trusted.get(num)
        return row.public_key if row else None

    def is_newcomer(self, num: int) -> bool:
        """Return whether the node's key came by air within NEWCOMER_FOR: anybody can make a thousand such nodes."""
        with self._trust_lock:
            return self._trust.is_newcomer(num, self._now())

    def is_vouched(self, num: int) -> bool:
        """Return whether the node's trusted key comes from better than a NODEINFO, which anybody can send."""
        with self._trust_lock:
            return self._trust.is_vouched(num)

    def trusted_keys(self) -> dict[int, bytes]:
        """Return all trusted keys by node; one that has another number now is under that alone."""
        with self._trust_lock:
            moved = self._trust.identities.moved
            return {row.num: row.public_key for row in self._trust.trusted.values() if row.num not in moved}

    def is_revoked(self, num: int, key: bytes) -> bool:
        """Return whether an operator has revoked this key of this node."""
        with self._trust_lock:
            return self._trust.revoked.has(num, key)

    def trusted_key(self, num: int) -> TrustedKey | None:
        """Return what the radio would be taught of a node, None if no key of it is trusted."""
        with self._trust_lock:
            return teachable(self._trust, num)

    def pending_keys(self) -> dict[int, set[bytes]]:
        """Return the keys that wait for a confirmation, by node."""
        with self._trust_lock:
            return {num: {row.public_key for row in rows} for num, rows in self._trust.pending.items()}

    def has_pending_key(self, num: int) -> bool:
        """Return whether a key of the node waits for a confirmation."""
        with self._trust_lock:
            return num in self._trust.pending

    def counts(self) -> NodeCounts:
        """Return how much is known."""
        with self._trust_lock:
            return self._trust.counts()

    def duplicates(self) -> dict[bytes, list[int]]:
        """Return each trusted key that several nodes share, with their numbers."""
        with self._trust_lock:
            return self._trust.duplicates()

    def keys_of(self, num: int) -> NodeKeys:
        """Return all that is known of a node's keys."""
        with self._trust_lock:
            return self._trust.keys_of(num)

    def key_states(self) -> Mapping[KeyState, int]:
        """Return how many keys are in each state."""
        with self._trust_lock:
            return self._trust.states()

    def all_keys(self) -> list[tuple[NodeRow, list[KeyRow]]]:
        """Return each node that has keys, by number: the trusted one, those that wait, those that are revoked."""
        with self._trust_lock:
            keys = {num: self._trust.rows_of(num) for num in self._trust.nodes}
            return [
                (self._trust.nodes[num], rows)
                for num, known in sorted(keys.items())
                if (rows := [*filter(None, (known.trusted,)), *known.pending, *known.revoked])
            ]

    def _now(self) -> int:
        """Return the wall time, seconds since 1970."""
        raise NotImplementedError
