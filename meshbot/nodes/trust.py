"""Nodes and keys in memory: the rules of trust, and what is yet to be written."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from meshbot.runtime import Incident, KeyChanged, KeyShared, KeyWord
from meshbot.storage import Changes, ImportRow, KeyRow, KeySource, KeyStatus, NodeRow, Snapshot

# Anybody can send NODEINFO packets under any number, so what they may fill is bounded.
MAX_NODES: Final = 20_000
MAX_PENDING: Final = 4  # unconfirmed keys of one node
NODES_NAMED: Final = 4  # of those that share a key


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """How much is known."""

    nodes: int
    keys: int  # trusted, one a node at most
    pending: int  # different from the trusted one, unconfirmed


class KeyTrust:
    """Nodes and keys in memory and the rules of trust: no lock, no clock, no I/O."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.nodes = snapshot.nodes
        self.trusted = snapshot.trusted
        self.pending = snapshot.pending
        self.imported = snapshot.imported
        self.trust_changes = 0  # times that some node's trusted key became another one
        self._unsaved = Changes()
        self._shared_said: set[bytes] = set()
        self._incidents: list[Incident] = []
        # as an earlier process has reported them
        self._sharers = {key: set(nums) for key, nums in self.duplicates().items()}
        self._full_said = False

    def learn(self, said: NodeRow, key: bytes, source: KeySource, now: int) -> str | None:
        """Take in what `source` says of a node (empty key: nothing); return a line for the operator, or None."""
        if source is KeySource.NODEINFO and said.num not in self.nodes and len(self.nodes) >= MAX_NODES:
            return self._full_line()
        self._learn_node(said, source, now)
        return self._learn_key(said.num, key, source, now) if key else None

    def duplicates(self) -> dict[bytes, list[int]]:
        """Return each trusted key that several nodes share, with their numbers."""
        holders: dict[bytes, list[int]] = {}
        uses = Counter(row.public_key for row in self.trusted.values())
        for num, row in self.trusted.items():
            if uses[row.public_key] > 1:
                holders.setdefault(row.public_key, []).append(num)
        return holders

    def shared_key_lines(self) -> list[str]:
        """Return a line for each key found to be shared since the last call."""
        shared = self.duplicates()
        self._report_shared(shared)
        found = {key: nums for key, nums in shared.items() if key not in self._shared_said}
        self._shared_said.update(found)
        return [
            f"⚠️ Même clé publique {brief(key)} chez {', '.join(map(self.label, nums))}: copie ou usurpation"
            for key, nums in found.items()
        ]

    def take_incidents(self) -> list[Incident]:
        """Hand over what an operator should hear of since the last call."""
        incidents, self._incidents = self._incidents, []
        return incidents

    def keyed(self) -> list[tuple[NodeRow, bytes]]:
        """Return every node that has a trusted key, with that key."""
        return [(self.nodes[num], row.public_key) for num, row in self.trusted.items()]

    def mark_imported(self, mark: ImportRow) -> None:
        """Remember a file as imported."""
        self.imported.add(mark.digest)
        self._unsaved.imports[mark.digest] = mark

    @property
    def is_unsaved(self) -> bool:
        """Whether something is to be written."""
        return bool(self._unsaved)

    def take_unsaved(self) -> Changes:
        """Hand over what is to be written."""
        changes, self._unsaved = self._unsaved, Changes()
        return changes

    def forget_saved(self) -> None:
        """Count everything as unsaved: the database was begun anew."""
        keys = [*self.trusted.values(), *(row for rows in self.pending.values() for row in rows)]
        self._unsaved.nodes.update(self.nodes)
        self._unsaved.keys.update({(row.num, row.public_key): row for row in keys})

    def replay(self, other: KeyTrust, now: int) -> list[str]:
        """Take in all that `other`, which began empty, has learnt meanwhile; return the lines for the operator."""
        for row in other.nodes.values():
            self._learn_node(row, KeySource.NODEDB, now)
        lines = self._learn_keys(other.trusted.values(), now)
        news = self.take_incidents()
        lines += self._learn_keys((row for rows in other.pending.values() for row in rows), now)
        self._incidents = news  # what waits in the other one, that one has reported
        self._sharers |= other._sharers
        self._report_shared(self.duplicates())
        for mark in other.take_unsaved().imports.values():
            self.mark_imported(mark)
        self.trust_changes += other.trust_changes + 1  # whoever synced with the other one's keys has to look again
        return lines

    def _learn_keys(self, rows: Iterable[KeyRow], now: int) -> list[str]:
        return [line for row in rows if (line := self._learn_key(row.num, row.public_key, row.source, now))]

    def put_back(self, changes: Changes) -> None:
        """Take back what could not be written; what was learnt since is newer."""
        changes.update(self._unsaved)
        self._unsaved = changes

    def label(self, num: int) -> str:
        """Return the node's name and id for a log line."""
        name = self._name(num)
        return f"{name} (!{num:08x})" if name else f"!{num:08x}"

    def _full_line(self) -> str | None:
        """Return the line that says that no more nodes are taken, once."""
        if self._full_said:
            return None
        self._full_said = True
        return f"⚠️ {MAX_NODES} nœuds connus: les nouveaux venus ne sont plus retenus, sauf par la base du nœud"

    def _learn_node(self, said: NodeRow, source: KeySource, now: int) -> None:
        known = self.nodes.get(said.num)
        if known is None:
            row = said if said.last_update else replace(said, last_update=now)
        elif source is KeySource.IMPORT:  # older than anything heard: it only fills gaps
            row = _overlay(said, known)
        else:
            row = _overlay(known, said)
            if row != known:
                row = replace(row, last_update=now)
        if row != known:
            self.nodes[row.num] = self._unsaved.nodes[row.num] = row

    def _learn_key(self, num: int, key: bytes, source: KeySource, now: int) -> str | None:
        trusted = self.trusted.get(num)
        if trusted is None:
            self._trust(num, key, source, now)
            return None
        decides = _decides(source, trusted.source)
        if trusted.public_key == key:
            if decides and source is not trusted.source:
                self.trusted[num] = self._keep(replace(trusted, source=source, changed_at=now))
            return None
        if not decides:
            return self._set_apart(num, key, source, now)
        self._report_key(num, key, KeyWord.OPERATOR if source is KeySource.OPERATOR else KeyWord.RADIO)
        self._trust(num, key, source, now)
        by = "un opérateur" if source is KeySource.OPERATOR else "la base du nœud"
        return f"🔑 Clé publique de {self.label(num)} changée par {by}: {brief(trusted.public_key)} → {brief(key)}"

    def _trust(self, num: int, key: bytes, source: KeySource, now: int) -> None:
        old = self.trusted.get(num)
        if old is not None:
            self._keep(replace(old, status=KeyStatus.SUPERSEDED, changed_at=now))
        waiting = self.pending.pop(num, [])
        seen = next((row.first_seen for row in waiting if row.public_key == key), now)
        if others := [row for row in waiting if row.public_key != key]:
            self.pending[num] = others
        self.trusted[num] = self._keep(KeyRow(num, key, source, KeyStatus.TRUSTED, seen, now))
        self.trust_changes += 1

    def _set_apart(self, num: int, key: bytes, source: KeySource, now: int) -> str | None:
        waiting = self.pending.setdefault(num, [])
        if any(row.public_key == key for row in waiting) or len(waiting) >= MAX_PENDING:
            return None
        waiting.append(self._keep(KeyRow(num, key, source, KeyStatus.PENDING, now, now)))
        self._report_key(num, key, KeyWord.NODE)
        return (
            f"⚠️ Autre clé publique pour {self.label(num)}: {brief(key)} ({source}), l'ancienne "
            f"{brief(self.trusted[num].public_key)} reste en usage tant que la nouvelle n'est pas confirmée"
        )

    def _report_key(self, num: int, key: bytes, word: KeyWord) -> None:
        """Report a key beside the one that is still trusted."""
        old = brief(self.trusted[num].public_key)
        self._incidents.append(KeyChanged(num, self._name(num), old, brief(key), word))

    def _report_shared(self, shared: Mapping[bytes, Sequence[int]]) -> None:
        """Report each key that has come to one node more."""
        for key, nums in shared.items():
            if not self._sharers.get(key, set()).issuperset(nums):
                named = tuple((num, self._name(num)) for num in nums[:NODES_NAMED])
                self._incidents.append(KeyShared(brief(key), named, len(nums)))
        self._sharers = {key: set(nums) for key, nums in shared.items()}

    def _name(self, num: int) -> str:
        row = self.nodes.get(num)
        return row.long_name or row.short_name if row else ""

    def _keep(self, row: KeyRow) -> KeyRow:
        self._unsaved.keys[row.num, row.public_key] = row
        return row


def brief(key: bytes) -> str:
    """Return enough of the key to tell it from another in a log line."""
    return base64.b64encode(key).decode("ascii")[:8] + "…"


def _decides(source: KeySource, over: KeySource) -> bool:
    """Return whether `source` may replace a key that `over` vouches for."""
    return source is KeySource.OPERATOR or (source is KeySource.NODEDB and over is not KeySource.OPERATOR)


def _overlay(base: NodeRow, top: NodeRow) -> NodeRow:
    """Return `base` under what `top` says."""
    said = {field.name: value for field in fields(top) if (value := getattr(top, field.name)) not in ("", None)}
    return replace(base, **said)
