"""The keys that operators have revoked, by node, and what becomes of those that wait for one; pure."""

from __future__ import annotations

from collections.abc import Iterator

from meshbot.storage import DAY, KeyRow, KeySource


class RevokedKeys:
    """Rows by node, and the keys of all of them."""

    def __init__(self, rows: dict[int, list[KeyRow]]) -> None:
        """`rows` become this object's."""
        self._rows = rows
        # also those that were accepted again since: whoever asks looks at the rows, or at who has the key
        self.keys = {row.public_key for each in rows.values() for row in each}

    def __iter__(self) -> Iterator[KeyRow]:
        """Yield every row."""
        return (row for rows in self._rows.values() for row in rows)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._rows.values()))

    @property
    def nums(self) -> frozenset[int]:
        """The nodes with such a key."""
        return frozenset(self._rows)

    def of(self, num: int) -> tuple[KeyRow, ...]:
        """Return a node's."""
        return tuple(self._rows.get(num, ()))

    def has(self, num: int, key: bytes) -> bool:
        """Return whether this key of this node is one."""
        return key in self.keys and any(row.public_key == key for row in self._rows.get(num, ()))

    def must_wait(self, num: int, key: bytes, *, is_held: bool) -> bool:
        """Return whether a node's first key waits for the operator, who has revoked it, or the one before it.

        A key that was revoked elsewhere is nobody's for certain; unless somebody has it, whom others only imitated.
        """
        return bool(self._rows.get(num)) or (key in self.keys and not is_held)

    def add(self, row: KeyRow) -> None:
        """Add one; a second time changes nothing."""
        if not self.has(row.num, row.public_key):
            self._rows.setdefault(row.num, []).append(row)
            self.keys.add(row.public_key)

    def take(self, num: int, key: bytes) -> KeyRow | None:
        """Take one out, which was accepted; None if it is none."""
        return without(self._rows, num, key)

    def forget(self, num: int) -> None:
        """Forget a node."""
        self._rows.pop(num, None)


def taken_out_for(source: KeySource, waiting: list[KeyRow], now: int) -> KeyRow | None:
    """Take the one that gives way to one more out of a node's unconfirmed keys; return it, None if none does.

    Anybody can send NODEINFO packets: the oldest key from one gives way to the radio's own at once, to that of another
    packet after a day without a decision.
    """
    old_enough = now if source is not KeySource.NODEINFO else now - DAY
    heard = [row for row in waiting if row.source is KeySource.NODEINFO and row.first_seen <= old_enough]
    oldest = min(heard, key=lambda row: row.first_seen, default=None)
    if oldest is not None:
        waiting.remove(oldest)
    return oldest


def without(rows: dict[int, list[KeyRow]], num: int, key: bytes) -> KeyRow | None:
    """Take that key's row out of a node's rows; return it, None if it is not among them."""
    found = next((row for row in rows.get(num, ()) if row.public_key == key), None)
    if found is not None and not (others := [row for row in rows[num] if row is not found]):
        del rows[num]
    elif found is not None:
        rows[num] = others
    return found
