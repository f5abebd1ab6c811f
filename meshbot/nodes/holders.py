"""Which nodes have each trusted key; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from meshbot.nodes.weak_keys import is_weak

if TYPE_CHECKING:
    from meshbot.nodes.identity import Identities
    from meshbot.storage import KeyRow


class KeyHolders:
    """Keys with the nodes that have them; the identities learn which share one."""

    def __init__(self, rows: Iterable[KeyRow], identities: Identities) -> None:
        # one node for most keys: thousands of tuples would take a megabyte
        self._rows: dict[bytes, KeyRow | tuple[KeyRow, ...]] = {}
        self._shared: set[bytes] = set()
        self._identities = identities
        for row in rows:
            self.add(row)
        # whether a shared key has come, gone or changed hands since that was last set to False
        self.have_changed = True

    def of(self, key: bytes) -> tuple[int, ...]:
        """Return the nodes that have this key."""
        return tuple(row.num for row in self._rows_of(key))

    def shared(self) -> dict[bytes, tuple[int, ...]]:
        """Return each key that several nodes have."""
        return {key: self.of(key) for key in self._shared}

    def add(self, row: KeyRow) -> None:
        """Note that a node has the key."""
        self._set(row.public_key, (*self._rows_of(row.public_key), row))

    def remove(self, row: KeyRow) -> None:
        """Note that a node has it no longer."""
        self._set(row.public_key, tuple(each for each in self._rows_of(row.public_key) if each.num != row.num))

    def _rows_of(self, key: bytes) -> tuple[KeyRow, ...]:
        found = self._rows.get(key, ())
        return found if isinstance(found, tuple) else (found,)

    def _set(self, key: bytes, rows: tuple[KeyRow, ...]) -> None:
        is_shared = len(rows) > 1
        if is_shared or key in self._shared:
            self.have_changed = True
            since = max((row.first_seen for row in rows), default=0)
            # everybody can prove a weak one
            nums = () if is_weak(key) else tuple(row.num for row in rows)
            self._identities.on_holders(key, nums, since)
        (self._shared.add if is_shared else self._shared.discard)(key)
        if rows:
            self._rows[key] = rows if is_shared else rows[0]
        else:
            self._rows.pop(key, None)
