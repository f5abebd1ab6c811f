"""Nodes and keys in memory: the rules of trust, and what is yet to be written."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Final

from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.nodes.holders import Holders
from meshbot.nodes.identity import PAIR, Change, Identities, IdentityChange, number_of
from meshbot.nodes.key_lines import (
    NAMED,
    apart_line,
    evicted_line,
    first_line,
    full_line,
    joined_line,
    misnumbered_line,
    parted_line,
    replaced_line,
    shared_line,
)
from meshbot.nodes.node_rows import came_lately, confirms, overlay, renamed, with_whole_name
from meshbot.nodes.revoked import RevokedKeys, taken_out_for, without
from meshbot.nodes.weak_keys import weak_line
from meshbot.runtime import Incident, KeyChanged, KeyChangeSource, KeyShared, log
from meshbot.storage import DAY, Changes, ImportRow, KeyRow, KeySource, KeyStatus, NodeRow, Snapshot

LOGGER = logging.getLogger(__name__)
# Anybody can send NODEINFO packets under any number, so what they may fill is bounded.
MAX_NODES: Final = 20_000
EVICTED: Final = 1_000  # nodes that make room at once
MAX_PENDING: Final = 4  # unconfirmed keys of one node
NAMES_WAIT: Final = 60.0  # seconds that a kill may take from names


class KeyTrust:
    """Nodes and keys in memory and the rules of trust: no lock, no clock, no I/O."""

    def __init__(self, snapshot: Snapshot, listening_since: int = 0, admins: Collection[int] = frozenset()) -> None:
        """Take what is in the database; what was heard before `listening_since` is unknown.

        A listed admin's key is changed by an operator alone: see `_replaces`.
        """
        self._admins = admins
        self.nodes = snapshot.nodes
        self.trusted = snapshot.trusted
        self.pending = snapshot.pending
        self.revoked = RevokedKeys(snapshot.revoked)
        self.imported = snapshot.imported
        # times that some node's trusted key became another one
        self.trust_changes = 0
        self._unsaved = Changes()
        self._logged_shared, self._logged_misnumbered = set[bytes](), set[int]()
        self._logged_full = self._logged_evicted = False
        self._incidents: list[Incident] = []
        # lines for the operator that are no warnings
        self._notes: list[str] = []
        self._parted: dict[int, int] = {}
        self._holders = Holders()
        self.identities = Identities(snapshot.identities, listening_since)
        for row in self.trusted.values():
            self._holders.add(row.public_key, row.num)
        for key in self._holders.shared:
            self._on_holders(key, is_shared=True)
        # whether a shared key has come, gone or changed hands since it was looked at
        self._shares_changed = True
        # nodes by shared key, as an earlier process has reported them
        self._sharers = {key: set(nums) for key, nums in self.duplicates().items()}

    def learn(self, row: NodeRow, key: bytes, source: KeySource, now: int) -> str | None:
        """Take in what `source` reports of a node; return a line for the operator, or None.

        Empty text, None and an empty key report nothing. `now` is in seconds since 1970.
        """
        if source is KeySource.NODEINFO and row.num not in self.nodes and len(self.nodes) >= MAX_NODES:
            return self._full_line()
        if self._is_vouched(row.num, key, source):
            self._learn_node(row, source, now)
        elif source is not KeySource.NODEINFO and not key:
            # the radio has lost the key: who has the number since may be somebody else
            self._learn_node(row, KeySource.IMPORT, now)
        return self._learn_key(row.num, key, source, now) if key else None

    def lacking(self, nums: Collection[int]) -> int:
        """Return for how many of these nodes there is no room."""
        return max(0, len(self.nodes) + sum(num not in self.nodes for num in nums) - MAX_NODES)

    def evict(self, nums: Collection[int]) -> str | None:
        """Forget nodes and their keys; return a line for the operator, once."""
        for num in nums:
            del self.nodes[num]
            if (row := self.trusted.pop(num, None)) is not None:
                self._remove_holder(row)
            self.pending.pop(num, None)
            self.revoked.forget(num)
        self._collect_identities()
        self._unsaved.evict(nums)
        self.trust_changes += 1
        if self._logged_evicted or not nums:
            return None
        self._logged_evicted = True
        return evicted_line(MAX_NODES)

    def holders(self, key: bytes) -> tuple[int, ...]:
        """Return the nodes whose trusted key this is."""
        return self._holders.of(key)

    def duplicates(self) -> dict[bytes, list[int]]:
        """Return each trusted key that several nodes share, with their numbers; one that has moved is one node."""
        shared = {key: self.holders(key) for key in self._holders.shared}
        return {key: list(nums) for key, nums in shared.items() if not self.identities.is_upgrade(key, nums)}

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
        # the radio decrypted it with the key that it has for this number
        if number_of(key) == num and self._is_of_another(key, num):
            lines.append(self.learn(NodeRow(num), key, KeySource.NODEDB, now))
        self.identities.hear(num, at)
        self.identities.prove(num, key, at)
        return [*filter(None, lines), *self.settle(now)]

    def settle(self, now: int) -> list[str]:
        """Join the numbers that are one node's by now; return the lines for the operator about what has changed."""
        if self.identities.due <= now:
            self.identities.settle(now)
        lines = [line for change in self.identities.take_changes() if (line := self._on_change(change))]
        return lines + self.shared_key_lines()

    def take_parted(self) -> dict[int, int]:
        """Hand over the old numbers that were taken for another one's, and since when, seconds since 1970."""
        parted, self._parted = self._parted, {}
        return parted

    def take_notes(self) -> list[str]:
        """Hand over the lines for the operator that are no warnings."""
        notes, self._notes = self._notes, []
        return notes

    def shared_key_lines(self) -> list[str]:
        """Return a line for each key found to be shared since the last call, if something has changed since."""
        if not self._shares_changed:
            return []
        self._shares_changed = False
        shared = self.duplicates()
        self._report_shared(shared)
        found = {key: nums for key, nums in shared.items() if key not in self._logged_shared}
        self._logged_shared = (self._logged_shared | found.keys()) & self._holders.shared
        return [shared_line(list(map(self.label, nums)), key) for key, nums in found.items()]

    def take_incidents(self) -> list[Incident]:
        """Hand over what is to be reported to operators since the last call."""
        incidents, self._incidents = self._incidents, []
        return incidents

    def mark_imported(self, mark: ImportRow) -> None:
        """Remember a file as imported."""
        self.imported.add(mark.digest)
        self._unsaved.imports[mark.digest] = mark

    def save_due(self, now: float) -> float:
        """Return when what is unsaved is to be written: names can wait, keys cannot; inf for nothing."""
        if self._unsaved.is_urgent or self.identities.is_unsaved:
            return now
        return now + NAMES_WAIT if self._unsaved else inf

    def take_unsaved(self) -> Changes:
        """Hand over what is to be written."""
        self._collect_identities()
        changes, self._unsaved = self._unsaved, Changes()
        return changes

    def mark_all_unsaved(self) -> None:
        """Count everything as unsaved, for a database that was replaced."""
        keys = [*self.trusted.values(), *(row for rows in self.pending.values() for row in rows)]
        self._unsaved.nodes.update(self.nodes)
        self._unsaved.keys.update({(row.num, row.public_key): row for row in (*keys, *self.revoked)})
        self.identities.mark_all_unsaved()

    def merge(self, other: KeyTrust, now: int) -> list[str]:
        """Take in all that `other`, which began empty, has learnt meanwhile; return the lines for the operator."""
        for row in other.nodes.values():
            theirs = other.trusted.get(row.num)
            key, source = (theirs.public_key, theirs.source) if theirs else (b"", KeySource.NODEINFO)
            is_vouched = self._is_vouched(row.num, key, source)
            self._learn_node(row, KeySource.NODEDB if is_vouched else KeySource.IMPORT, now)
        lines = self._learn_keys(other.trusted.values(), now)
        incidents = [each for each in self.take_incidents() if not _is_first(each)]
        lines += self._learn_keys((row for rows in other.pending.values() for row in rows), now)
        # pending keys and first ones of the other one have been reported by it
        self._incidents = incidents
        self._parted |= other.take_parted()
        self.identities.merge(other.identities)
        self._sharers |= other._sharers
        self._report_shared(self.duplicates())
        for mark in other.take_unsaved().imports.values():
            self.mark_imported(mark)
        # Whoever synced with the other one's keys has to look again
        self.trust_changes += other.trust_changes + 1
        return lines

    def _learn_keys(self, rows: Iterable[KeyRow], now: int) -> list[str]:
        return [line for row in rows if (line := self._learn_key(row.num, row.public_key, row.source, now))]

    def put_back(self, changes: Changes) -> None:
        """Take back what could not be written; what was learnt since is newer."""
        changes.update(self._unsaved)
        self._unsaved = changes

    def label(self, num: int) -> str:
        """Return the node's name and id for a log line."""
        name = log.escaped(self._name(num))
        return f"{name} (!{num:08x})" if name else f"!{num:08x}"

    def _full_line(self) -> str | None:
        """Return the line for the operator that no more nodes are kept, once."""
        if self._logged_full:
            return None
        self._logged_full = True
        return full_line(MAX_NODES)

    def _is_vouched(self, num: int, key: bytes, source: KeySource) -> bool:
        """Return whether a report with this key may come from the node: one without the trusted key may not."""
        trusted = self.trusted.get(num)
        is_refused = self.revoked.has(num, key) or (trusted is None and self._holders.is_misnumbered(num, key))
        if source is not KeySource.OPERATOR and key and is_refused:
            return False
        if trusted is None or trusted.public_key == key:
            return True
        return bool(key) and self._replaces(num, source, trusted.source)

    def _learn_node(self, reported: NodeRow, source: KeySource, now: int) -> None:
        known = self.nodes.get(reported.num)
        if known is None:
            row = reported if reported.last_update else replace(reported, last_update=now)
        elif source is KeySource.IMPORT:
            # Older than anything heard: it only fills gaps
            row = overlay(reported, known)
        else:
            row = renamed(known, overlay(known, with_whole_name(known, reported)), now)
            if row != known:
                row = replace(row, last_update=now)
        if row != known:
            self.nodes[row.num] = self._unsaved.nodes[row.num] = row

    def _learn_key(self, num: int, key: bytes, source: KeySource, now: int) -> str | None:
        trusted = self.trusted.get(num)
        if source is not KeySource.OPERATOR and self.revoked.has(num, key):
            return None
        if trusted is None:
            if source is not KeySource.OPERATOR and self._holders.is_misnumbered(num, key):
                return self._misnumbered_line(num, key)
            if source is not KeySource.OPERATOR and self.revoked.must_wait(num, key, is_held=bool(self.holders(key))):
                return self._set_apart(num, key, source, now)
            self._trust(num, key, source, now)
            return weak_line(self.label(num), key) or self._first_line(num, key, source)
        if trusted.public_key == key:
            if source is not trusted.source and confirms(source, trusted.source):
                self.trusted[num] = self._keep(replace(trusted, source=source, changed_at=now))
            return None
        if not self._replaces(num, source, trusted.source):
            return self._set_apart(num, key, source, now)
        self._report_key(num, key, KeyChangeSource.OPERATOR if source is KeySource.OPERATOR else KeyChangeSource.RADIO)
        self._trust(num, key, source, now)
        return replaced_line(self.label(num), trusted.public_key, key, source)

    def _misnumbered_line(self, num: int, key: bytes) -> str | None:
        """Return the line about a key that is not taken in, once for each number."""
        if num in self._logged_misnumbered or len(self._logged_misnumbered) >= EVICTED:
            return None
        self._logged_misnumbered.add(num)
        (owner, *_others) = self.holders(self._holders.key_for(num) or b"")
        return misnumbered_line(self.label(num), self.label(owner), key)

    def _first_line(self, num: int, key: bytes, source: KeySource) -> str | None:
        """Report a listed admin's first key if anybody may have sent it; return a line for the operator."""
        if num not in self._admins or source is not KeySource.NODEINFO:
            return None
        self._incidents.append(KeyChanged(num, self._name(num), "", fingerprint_of(key), KeyChangeSource.FIRST))
        return first_line(self.label(num), num, key)

    def _trust(self, num: int, key: bytes, source: KeySource, now: int, by: str = "") -> None:
        old = self.trusted.get(num)
        if old is not None:
            self._keep(replace(old, status=KeyStatus.SUPERSEDED, changed_at=now))
        known = without(self.pending, num, key) or self.revoked.take(num, key)
        seen = known.first_seen if known else now
        if old is not None:
            self._remove_holder(old)
        self.trusted[num] = self._keep(KeyRow(num, key, source, KeyStatus.TRUSTED, seen, now, by))
        self._add_holder(self.trusted[num])
        self.trust_changes += 1

    def _add_holder(self, row: KeyRow) -> None:
        self._on_holders(row.public_key, is_shared=self._holders.add(row.public_key, row.num))

    def _remove_holder(self, row: KeyRow) -> None:
        self._on_holders(row.public_key, is_shared=self._holders.remove(row.public_key, row.num))

    def _on_holders(self, key: bytes, *, is_shared: bool) -> None:
        if is_shared:
            self._shares_changed = True
            nums = self.holders(key)
            # of more than two none follows another
            since = max(self.trusted[num].first_seen for num in nums) if len(nums) == PAIR else 0
            self.identities.on_holders(key, nums, since)

    def _is_of_another(self, key: bytes, num: int) -> bool:
        holders = self.holders(key)
        return bool(holders) and num not in holders

    def _on_change(self, change: IdentityChange) -> str | None:
        """Note what has become of two numbers; return a line that warns of it."""
        self._shares_changed = True
        row = change.row
        old, new = f"!{row.old_num:08x}", self.label(row.new_num)
        if change.change is Change.JOINED:
            self._notes.append(joined_line(old, new))
        if change.change is not Change.PARTED:
            return None
        joined_at = row.joined_at or 0
        self._parted[row.old_num] = min(joined_at, self._parted.get(row.old_num, joined_at))
        # of what was settled for long it is news
        if (row.heard_at or 0) - joined_at >= DAY:
            self._sharers.pop(row.public_key, None)
            self._logged_shared.discard(row.public_key)
        return parted_line(old, new)

    def _collect_identities(self) -> None:
        self._unsaved.identities.update(self.identities.take_unsaved())

    def is_newcomer(self, num: int, now: int) -> bool:
        """Return whether the node's trusted key is one that `came_lately`."""
        return came_lately(self.trusted.get(num), now)

    def _replaces(self, num: int, source: KeySource, over: KeySource) -> bool:
        """Return whether `source` may replace a node's key that comes from `over` by another one.

        The radio's database forgets nodes, for want of room or by a reset, and then learns anybody's key in their
        place: it overrules nothing but a file's keys, and no admin's.
        """
        is_file_s = over is KeySource.IMPORT and num not in self._admins
        return source is KeySource.OPERATOR or (source is KeySource.NODEDB and is_file_s)

    def _set_apart(self, num: int, key: bytes, source: KeySource, now: int) -> str | None:
        waiting = self.pending.setdefault(num, [])
        if any(row.public_key == key for row in waiting):
            return None
        if len(waiting) >= MAX_PENDING:
            if (oldest := taken_out_for(source, waiting, now)) is None:
                return None
            self._unsaved.drop(oldest)
        waiting.append(self._keep(KeyRow(num, key, source, KeyStatus.PENDING, now, now)))
        self._report_key(num, key, KeyChangeSource.NODE, is_newcomer=self.is_newcomer(num, now))
        return apart_line(self.label(num), self.trusted.get(num), key, source)

    def _report_key(self, num: int, key: bytes, source: KeyChangeSource, *, is_newcomer: bool = False) -> None:
        """Report a key beside the one that is still trusted."""
        trusted = self.trusted.get(num)
        old = fingerprint_of(trusted.public_key) if trusted else ""
        self._incidents.append(KeyChanged(num, self._name(num), old, fingerprint_of(key), source, is_newcomer))

    def _report_shared(self, shared: Mapping[bytes, Sequence[int]]) -> None:
        """Report each key that has come to one node more."""
        for key, nums in shared.items():
            if not self._sharers.get(key, set()).issuperset(nums):
                named = tuple((num, self._name(num)) for num in nums[:NAMED])
                self._incidents.append(KeyShared(fingerprint_of(key), named, len(nums)))
        # of numbers that are joined for now it stays known: who sends under an old one must not raise it over and over
        joined = {key: nums for key, nums in self._sharers.items() if self.identities.is_upgrade(key, nums)}
        self._sharers = joined | {key: set(nums) for key, nums in shared.items()}

    def _name(self, num: int) -> str:
        row = self.nodes.get(num)
        return row.long_name or row.short_name if row else ""

    def _keep(self, row: KeyRow) -> KeyRow:
        self._unsaved.keys[row.num, row.public_key] = row
        return row


def _is_first(incident: Incident) -> bool:
    return isinstance(incident, KeyChanged) and incident.source is KeyChangeSource.FIRST
