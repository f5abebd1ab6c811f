"""What operators decide about keys, beside what is learnt of them; pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.nodes.identity import number_of
from meshbot.nodes.key_states import KeyDecision, KeyState, NodeKeys, state_of
from meshbot.nodes.node_rows import is_by_air, is_usable, overlay, with_whole_name
from meshbot.nodes.revoked import without
from meshbot.nodes.trust import KeyTrust
from meshbot.nodes.weak_keys import is_weak
from meshbot.runtime import KeyChangeSource, log
from meshbot.storage import UNREPORTED, KeyRow, KeySource, KeyStatus, NodeRow

ACK_WRITTEN_EVERY: Final = 3600  # seconds; with other changes it is written earlier


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """How much is known."""

    nodes: int
    keys: int  # trusted, one a node at most
    pending: int  # different from the trusted one, unconfirmed


class OperatorTrust(KeyTrust):
    """KeyTrust with states, decisions, and the last acknowledged message of each key."""

    def counts(self) -> NodeCounts:
        """Return how much is known."""
        return NodeCounts(len(self.nodes), len(self.trusted), sum(map(len, self.pending.values())))

    def rows_of(self, num: int) -> NodeKeys:
        """Return a node's own keys, beside those that it had once; who shares them is left out."""
        return NodeKeys(self.trusted.get(num), tuple(self.pending.get(num, ())), self.revoked.of(num))

    def keys_of(self, num: int) -> NodeKeys:
        """Return the same with all that speaks against the trusted one; looks at all nodes if that one is shared."""
        known = self.rows_of(num)
        key = known.trusted.public_key if known.trusted else b""
        sharers = self.duplicates().get(key, ())
        return replace(known, sharers=tuple(each for each in sharers if each != num), is_weak=is_weak(key))

    def states(self) -> Counter[KeyState]:
        """Return how many keys are in each state."""
        shared = self.duplicates()
        keys = ((row, row.public_key in shared or is_weak(row.public_key)) for row in self.trusted.values())
        found = Counter(KeyState.DUPLICATE if is_doubtful else state_of(row) for row, is_doubtful in keys)
        found[KeyState.CHANGED] = sum(map(len, self.pending.values()))
        found[KeyState.REVOKED] = len(self.revoked)
        return found

    def keyed(self) -> list[tuple[NodeRow, bytes]]:
        """Return every node that has a trusted key, with that key."""
        return [(self.nodes[num], row.public_key) for num, row in self.trusted.items()]

    def decide(self, num: int, key: bytes, decision: KeyDecision, by: str, now: int) -> str | None:
        """Carry out an operator's decision; return the line for the log, None if that key cannot be decided about.

        VERIFY takes the trusted key, ACCEPT any other usable one, REJECT one that is known. What is decided about a
        trusted key counts under all numbers of its node.
        """
        trusted = self.trusted.get(num)
        is_trusted = trusted is not None and trusted.public_key == key
        holders = self.holders(key)
        nums = [each for each in self.identities.numbers(num) if each in holders] if is_trusted else [num]
        match decision:
            case KeyDecision.VERIFY if trusted is not None and is_trusted:
                if num in self._admins and is_by_air(trusted):
                    # settles what was reported of it
                    self._report_key(num, key, KeyChangeSource.OPERATOR)
                for each in nums:
                    row = replace(self.trusted[each], source=KeySource.OPERATOR, changed_at=now, decided_by=by)
                    self.trusted[each] = self._keep(row)
            case KeyDecision.ACCEPT if not is_trusted and num in self.nodes and is_usable(key):
                if trusted is not None:
                    self._report_key(num, key, KeyChangeSource.OPERATOR)
                self._trust(num, key, KeySource.OPERATOR, now, by)
            case KeyDecision.REJECT if is_trusted or any(row.public_key == key for row in self.pending.get(num, ())):
                for each in nums:
                    self._revoke(each, key, by, now)
                self._report_key(num, key, KeyChangeSource.REJECTED)
            case _:
                return None
        return f"🔑 Clé publique de {self.label(num)} {decision.value} par {log.escaped(by)}: {fingerprint_of(key)}"

    def person(self, num: int) -> NodeRow | None:
        """Return what is known of the node under all its numbers, the present one's words first."""
        new, *olds = self.identities.numbers(num)
        row = self.nodes.get(new)
        for former in filter(None, map(self.nodes.get, olds)):
            row = NodeRow(new) if row is None else row
            row = overlay(former, with_whole_name(former, row))
        return row

    def is_vouched(self, num: int) -> bool:
        """Return whether the trusted key of the node comes from better than a NODEINFO, which anybody can send.

        Of a number that follows from the key alone the older number's counts: its owner can prove any such number.
        """
        rows = filter(None, map(self.trusted.get, self.identities.numbers(num)))
        return any(
            not is_by_air(row) for row in rows if row.num in self._admins or number_of(row.public_key) != row.num
        )

    def acknowledged(self, num: int, radio_key: bytes | None, now: int) -> bool:
        """Note that a direct message was acknowledged under the trusted key; return whether that is worth a commit.

        `radio_key`: the key that the radio has for the node, if that is known.
        """
        row = self.trusted.get(num)
        if row is None or radio_key not in {None, row.public_key}:
            return False
        self.trusted[num] = self._keep(replace(row, acked_at=now))
        return row.acked_at is None or now - row.acked_at >= ACK_WRITTEN_EVERY

    def merge(self, other: KeyTrust, now: int) -> list[str]:
        """See KeyTrust; what was decided meanwhile holds, and has been reported by the other one."""
        lines = super().merge(other, now)
        incidents = self.take_incidents()
        for row in other.revoked:
            self.take_revoked(row, now)
        self._incidents = incidents
        return lines

    def leave_unreported(self, num: int, key: bytes) -> None:
        """Keep for `report_imported` that a key which waits came from a file, into which no running bot looked."""
        waiting = self.pending[num]
        place = next(index for index, row in enumerate(waiting) if row.public_key == key)
        waiting[place] = self._keep(replace(waiting[place], changed_at=UNREPORTED))

    def report_imported(self, now: int) -> None:
        """Report the keys that files have brought since the bot ran last, each once."""
        for num, waiting in self.pending.items():
            for place, row in enumerate(waiting):
                if row.changed_at == UNREPORTED:
                    waiting[place] = self._keep(replace(row, changed_at=now))
                    self._report_key(num, row.public_key, KeyChangeSource.FILE)

    def take_revoked(self, row: KeyRow, now: int) -> None:
        """Take over a decision that another memory or a file has."""
        if self.decide(row.num, row.public_key, KeyDecision.REJECT, row.decided_by, now) is None:
            self.revoked.add(self._keep(row))

    def _revoke(self, num: int, key: bytes, by: str, now: int) -> None:
        """Have a known key prove nothing any more; the trusted one leaves the node without any."""
        row = without(self.pending, num, key)
        if row is None:
            row = self.trusted.pop(num)
            self._remove_holder(row)
            self.trust_changes += 1
        self.revoked.add(self._keep(replace(row, status=KeyStatus.REVOKED, changed_at=now, decided_by=by)))
