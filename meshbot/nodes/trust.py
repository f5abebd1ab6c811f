"""Nodes and keys in memory: the rules of trust, and what is yet to be written."""

from __future__ import annotations

import base64
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from meshbot import bounds
from meshbot.mesh_link import BROADCAST_NUM, KEY_BYTES, Contact
from meshbot.nodes.radio_state import TrustedKey
from meshbot.runtime import Incident, KeyChanged, KeyChangeSource, KeyShared, log
from meshbot.storage import Changes, ImportRow, KeyRow, KeySource, KeyStatus, NodeRow, Snapshot
from meshbot.text import folded, one_line

LOGGER = logging.getLogger(__name__)
# Anybody can send NODEINFO packets under any number, so what they may fill is bounded.
MAX_NODES: Final = 20_000
EVICTED: Final = 1_000  # nodes that make room at once
# Bytes of UTF-8: the shortest name that a radio may have cut from a longer one. Firmware 2.8 keeps 24; less the emoji
# that does not fit, what joined it and the space before it
LEAST_CLIPPED: Final = 16
CUT_MARK: Final = "\ufffd"
# Bytes of UTF-8 that the firmware takes: beyond, it takes nothing of a contact
LONG_NAME_BYTES: Final = 39
SHORT_NAME_BYTES: Final = 4
MAX_PENDING: Final = 4  # unconfirmed keys of one node
NODES_NAMED: Final = 4  # of those that share a key

# What a source reports of a node, and its key, which may be empty
NodeReport = tuple[NodeRow, bytes]


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
        # times that some node's trusted key became another one
        self.trust_changes = 0
        self._unsaved = Changes()
        self._logged_shared: set[bytes] = set()
        self._logged_full = self._logged_evicted = False
        self._incidents: list[Incident] = []
        # nodes that trust each key; whether a shared key has come, gone or changed hands since it was looked at
        self._uses = Counter(row.public_key for row in self.trusted.values())
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
            self._count_use(self.trusted.pop(num, None), -1)
            self.pending.pop(num, None)
        self._unsaved.evict(nums)
        self.trust_changes += 1
        if self._logged_evicted or not nums:
            return None
        self._logged_evicted = True
        return f"⚠️ {MAX_NODES} nœuds connus: les moins entendus sont oubliés au profit des nouveaux venus"

    def counts(self) -> NodeCounts:
        """Return how much is known."""
        return NodeCounts(len(self.nodes), len(self.trusted), sum(map(len, self.pending.values())))

    def duplicates(self) -> dict[bytes, list[int]]:
        """Return each trusted key that several nodes share, with their numbers."""
        holders: dict[bytes, list[int]] = {}
        for num, row in self.trusted.items():
            if self._uses[row.public_key] > 1:
                holders.setdefault(row.public_key, []).append(num)
        return holders

    def teachable(self, num: int) -> TrustedKey | None:
        """Return what the radio would be taught of a node, None if no key of it is trusted."""
        trusted = self.trusted.get(num)
        if trusted is None:
            return None
        row, is_verified = self.nodes[num], trusted.source is KeySource.OPERATOR
        # against an operator's source a key that waits counts for nothing
        is_doubtful = self._uses[trusted.public_key] > 1 or (num in self.pending and not is_verified)
        contact = Contact(
            num,
            trusted.public_key,
            _cut(row.long_name, LONG_NAME_BYTES) or f"Meshtastic {num & 0xFFFF:04x}",
            _cut(row.short_name, SHORT_NAME_BYTES) or f"{num & 0xFFFF:04x}",
            row.hw_model,
            row.role,
        )
        return TrustedKey(contact, is_verified, is_doubtful)

    def shared_key_lines(self) -> list[str]:
        """Return a line for each key found to be shared since the last call."""
        # all nodes are looked at, so not for each packet of a flood
        if not self._shares_changed:
            return []
        self._shares_changed = False
        shared = self.duplicates()
        self._report_shared(shared)
        found = {key: nums for key, nums in shared.items() if key not in self._logged_shared}
        self._logged_shared.update(found)
        return [
            f"⚠️ Même clé publique {brief(key)} chez {', '.join(map(self.label, nums))}: copie ou usurpation"
            for key, nums in found.items()
        ]

    def take_incidents(self) -> list[Incident]:
        """Hand over what is to be reported to operators since the last call."""
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

    def mark_all_unsaved(self) -> None:
        """Count everything as unsaved, for a database that was replaced."""
        keys = [*self.trusted.values(), *(row for rows in self.pending.values() for row in rows)]
        self._unsaved.nodes.update(self.nodes)
        self._unsaved.keys.update({(row.num, row.public_key): row for row in keys})

    def merge(self, other: KeyTrust, now: int) -> list[str]:
        """Take in all that `other`, which began empty, has learnt meanwhile; return the lines for the operator."""
        for row in other.nodes.values():
            theirs = other.trusted.get(row.num)
            key, source = (theirs.public_key, theirs.source) if theirs else (b"", KeySource.NODEINFO)
            is_vouched = self._is_vouched(row.num, key, source)
            self._learn_node(row, KeySource.NODEDB if is_vouched else KeySource.IMPORT, now)
        lines = self._learn_keys(other.trusted.values(), now)
        incidents = self.take_incidents()
        lines += self._learn_keys((row for rows in other.pending.values() for row in rows), now)
        # Pending keys of the other one have been reported by it
        self._incidents = incidents
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
        return f"⚠️ {MAX_NODES} nœuds à garder: les nouveaux venus ne sont plus retenus, sauf par la base du nœud"

    def _is_vouched(self, num: int, key: bytes, source: KeySource) -> bool:
        """Return whether a report with this key may come from the node: one without the trusted key may not."""
        trusted = self.trusted.get(num)
        if trusted is None or trusted.public_key == key:
            return True
        return bool(key) and _decides(source, trusted.source)

    def _learn_node(self, reported: NodeRow, source: KeySource, now: int) -> None:
        known = self.nodes.get(reported.num)
        if known is None:
            row = reported if reported.last_update else replace(reported, last_update=now)
        elif source is KeySource.IMPORT:
            # Older than anything heard: it only fills gaps
            row = _overlay(reported, known)
        else:
            row = _renamed(known, _overlay(known, _with_whole_name(known, reported)), now)
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
        self._report_key(num, key, KeyChangeSource.OPERATOR if source is KeySource.OPERATOR else KeyChangeSource.RADIO)
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
        self._count_use(old, -1)
        self.trusted[num] = self._keep(KeyRow(num, key, source, KeyStatus.TRUSTED, seen, now))
        self._count_use(self.trusted[num], 1)
        self.trust_changes += 1

    def _count_use(self, row: KeyRow | None, more: int) -> None:
        if row is None:
            return
        self._shares_changed |= self._uses[row.public_key] + max(0, more) > 1
        self._uses[row.public_key] += more
        if not self._uses[row.public_key]:
            del self._uses[row.public_key]

    def _set_apart(self, num: int, key: bytes, source: KeySource, now: int) -> str | None:
        waiting = self.pending.setdefault(num, [])
        if any(row.public_key == key for row in waiting) or len(waiting) >= MAX_PENDING:
            return None
        waiting.append(self._keep(KeyRow(num, key, source, KeyStatus.PENDING, now, now)))
        self._report_key(num, key, KeyChangeSource.NODE)
        return (
            f"⚠️ Autre clé publique pour {self.label(num)}: {brief(key)} ({source}), l'ancienne "
            f"{brief(self.trusted[num].public_key)} reste en usage tant que la nouvelle n'est pas confirmée"
        )

    def _report_key(self, num: int, key: bytes, source: KeyChangeSource) -> None:
        """Report a key beside the one that is still trusted."""
        old = brief(self.trusted[num].public_key)
        self._incidents.append(KeyChanged(num, self._name(num), old, brief(key), source))

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
    """Return enough of the key to distinguish it from another in a log line."""
    return base64.b64encode(key).decode("ascii")[:8] + "…"


def _cut(name: str, limit: int) -> str:
    return name.encode(errors="replace")[:limit].decode(errors="ignore").strip()


def _decides(source: KeySource, over: KeySource) -> bool:
    """Return whether `source` may replace a key that comes from `over`."""
    return source is KeySource.OPERATOR or (source is KeySource.NODEDB and over is not KeySource.OPERATOR)


def _with_whole_name(known: NodeRow, reported: NodeRow) -> NodeRow:
    """Return the report without a long name that is only the beginning of the known one, as radios cut it."""
    return replace(reported, long_name="") if _is_clipped(reported.long_name, known.long_name) else reported


def _is_clipped(name: str, whole: str) -> bool:
    """Return whether the name may be the other one, cut; a character that was cut itself may be a mark at its end."""
    stem = name.rstrip(CUT_MARK)
    return name != whole and len(stem.encode()) >= LEAST_CLIPPED and whole.startswith(stem)


def _renamed(known: NodeRow, row: NodeRow, now: int) -> NodeRow:
    """Return the row with its former name if it is called otherwise than before."""
    for old, new in ((known.long_name, row.long_name), (known.short_name, row.short_name)):
        if old and folded(old) != folded(new) and not _is_clipped(old, new):
            return replace(row, former_name=old, renamed_at=now)
    return row


def _overlay(base: NodeRow, top: NodeRow) -> NodeRow:
    """Return `base` with the fields that `top` has."""
    known = {field.name: value for field in fields(top) if (value := getattr(top, field.name)) not in ("", None)}
    return replace(base, **known)


def screened(reports: Iterable[NodeReport]) -> Iterator[NodeReport]:
    """Leave out impossible nodes and places, unusable keys, and what does not belong into a line of text."""
    for row, key in reports:
        if not 0 < row.num < BROADCAST_NUM:
            LOGGER.debug("Nœud %d ignoré: numéro impossible", row.num)
            continue
        if key and not is_usable(key):
            LOGGER.debug("Clé publique inutilisable de !%08x ignorée (%d octets)", row.num, len(key))
        yield legible_row(row), key if is_usable(key) else b""


def is_usable(key: bytes) -> bool:
    """Return whether `key` can be a public key at all."""
    return len(key) == KEY_BYTES and any(key)


def legible_row(row: NodeRow) -> NodeRow:
    """Return the row with its texts as lines of what can be seen."""
    latitude, longitude = bounds.place(row.latitude, row.longitude) or (None, None)
    return replace(
        row,
        long_name=one_line(row.long_name),
        short_name=one_line(row.short_name),
        hw_model=one_line(row.hw_model),
        role=one_line(row.role),
        latitude=latitude,
        longitude=longitude,
        altitude=bounds.altitude(row.altitude),
    )
