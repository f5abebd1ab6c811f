"""Nodes and keys in memory, as people: which numbers are one node's, and what is said of that."""

from __future__ import annotations

from meshbot.nodes.identity import Change, IdentityChange, number_of
from meshbot.nodes.node_rows import overlay, with_whole_name
from meshbot.nodes.trust import KeyTrust
from meshbot.nodes.weak_keys import is_weak
from meshbot.storage import DAY, KeySource, NodeRow, Snapshot


class NumberedTrust(KeyTrust):
    """KeyTrust that follows nodes to their new numbers: no lock, no clock, no I/O. See identity.py for the rules."""

    def __init__(self, snapshot: Snapshot, listening_since: int = 0) -> None:
        """Take what is in the database; what was heard before `listening_since` is unknown."""
        super().__init__(snapshot, listening_since)
        # lines for the operator that are no warnings
        self._notes: list[str] = []
        self._parted: dict[int, int] = {}

    def person(self, num: int) -> NodeRow | None:
        """Return what is known of the node under all its numbers, the present one's words first."""
        new, *olds = self.identities.numbers(num)
        row = self.nodes.get(new)
        for former in filter(None, map(self.nodes.get, olds)):
            row = NodeRow(new) if row is None else row
            row = overlay(former, with_whole_name(former, row))
        return row

    def hear(self, num: int, at: int, now: int, *, is_signed: bool = False) -> list[str]:
        """Take in that a number was heard; return the lines for the operator."""
        self.identities.hear(num, at)
        if is_signed:
            self.prove_by_signature(num, at)
        return self.settle(now)

    def prove_by_signature(self, num: int, at: int) -> None:
        """Take in a signature that the radio has verified by its own key of the node, if that is the trusted one."""
        row = self.trusted.get(num)
        if row is not None and row.source is KeySource.NODEDB and num not in self.pending:
            self.identities.prove(num, row.public_key, at)

    def prove(self, num: int, key: bytes, at: int, now: int) -> list[str]:
        """Take in a message whose sender has proven to have the key; return the lines for the operator."""
        lines: list[str | None] = []
        self.identities.hear(num, at)
        if not is_weak(key):
            # the radio decrypted it with the key that it has for this number
            if number_of(key) == num and self._is_of_others(key, num):
                lines.append(self.learn(NodeRow(num), key, KeySource.NODEDB, now))
            self.identities.prove(num, key, at)
        return [*filter(None, lines), *self.settle(now)]

    def settle(self, now: int) -> list[str]:
        """Join the numbers that are one node's by now; return the lines for the operator about what has changed."""
        if self.identities.due <= now:
            self.identities.settle(now)
        lines = [line for change in self.identities.take_changes() if (line := self._on_change(change))]
        return lines + self.shared_key_lines()

    def merge(self, other: KeyTrust, now: int) -> list[str]:
        """See KeyTrust."""
        if isinstance(other, NumberedTrust):
            self._parted |= other.take_parted()
        return super().merge(other, now)

    def take_parted(self) -> dict[int, int]:
        """Hand over the old numbers that were taken for another one's, and since when, seconds since 1970."""
        parted, self._parted = self._parted, {}
        return parted

    def take_notes(self) -> list[str]:
        """Hand over the lines for the operator that are no warnings."""
        notes, self._notes = self._notes, []
        return notes

    def _is_of_others(self, key: bytes, num: int) -> bool:
        holders = self._holders.of(key)
        return bool(holders) and num not in holders

    def _on_change(self, change: IdentityChange) -> str | None:
        """Note what has become of two numbers; return a line that warns of it."""
        self._holders.have_changed = True
        row = change.row
        old, new = f"!{row.old_num:08x}", self.label(row.new_num)
        if change.change is Change.JOINED:
            self._notes.append(
                f"🪪 {new} est {old} sous son nouveau numéro: nom, historique, courrier et rôle le suivent"
            )
        if change.change is not Change.PARTED:
            return None
        joined_at = row.joined_at or 0
        self._parted[row.old_num] = min(joined_at, self._parted.get(row.old_num, joined_at))
        # of what was settled for long it is news
        if (row.heard_at or 0) - joined_at >= DAY:
            self._sharers.pop(row.public_key, None)
            self._logged_shared.discard(row.public_key)
        return f"⚠️ {old} parle de nouveau: {new} n'est plus tenu pour le même nœud, chacun reprend ce qui était à lui"
