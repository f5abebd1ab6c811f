"""What is known of nodes and their keys, for any thread to ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from meshbot.nodes.identity import Candidate
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

    # Whose a number is: see meshbot/nodes/identity.py

    @property
    def moved(self) -> Mapping[int, int]:
        """The old numbers of nodes that have another one now, each with that."""
        self._settle()
        return self._trust.identities.moved

    def numbers(self, num: int) -> tuple[int, ...]:
        """Return all numbers of the node that has this one, the present one first; never waits."""
        self._settle()
        with self._trust_lock:
            return self._trust.identities.numbers(num)

    def person(self, num: int) -> NodeRow | None:
        """Return what is known of the node under all its numbers; the row's number is the present one."""
        with self._trust_lock:
            return self._trust.person(num)

    def candidate(self, num: int) -> Candidate | None:
        """Return the old number whose key this number announces, if it has not proven to be the same node."""
        self._settle()
        with self._trust_lock:
            return self._trust.identities.candidate(num, self._now())

    def silent_number(self, num: int) -> int | None:
        """Return the candidate's old number if it is silent."""
        candidate = self.candidate(num)
        return candidate.old_num if candidate is not None and candidate.is_silent else None

    def with_key(self, is_wanted: Callable[[bytes], bool]) -> list[int]:
        """Return the present numbers of the nodes whose trusted key is wanted, those that have proven it first."""
        self._settle()
        with self._trust_lock:
            found = [num for num, row in self._trust.trusted.items() if is_wanted(row.public_key)]
            identities, now = self._trust.identities, self._now()
            found.sort(key=lambda num: identities.candidate(num, now) is not None)
            return list(dict.fromkeys(identities.moved.get(num, num) for num in found))

    def take_parted(self) -> dict[int, int]:
        """Hand over the old numbers that were taken for another one's, and since when, seconds since 1970."""
        with self._trust_lock:
            return self._trust.take_parted()

    def _settle(self) -> None:
        """Join what may be joined by now."""
        raise NotImplementedError

    def _now(self) -> int:
        """Return the wall time, seconds since 1970."""
        raise NotImplementedError
