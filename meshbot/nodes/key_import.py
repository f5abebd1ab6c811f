"""Taking in the keys of a file: what is known here is never overwritten; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from meshbot.nodes.key_states import KeyDecision, KeyState
from meshbot.nodes.node_rows import legible_row
from meshbot.nodes.operator_trust import OperatorTrust
from meshbot.storage import KeyRow, KeySource, KeyStatus, NodeRow
from meshbot.text import one_line


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key of a file."""

    node: NodeRow
    public_key: bytes  # 32 bytes
    state: KeyState = KeyState.IMPORTED
    decided_by: str = ""


class ImportResult(Enum):
    """What became of one key of a file."""

    ADDED = auto()
    SAME = auto()
    CHANGED = auto()  # another one is trusted here: it waits for the operator
    REVOKED = auto()  # in the file, and in use here
    KEPT_OUT = auto()  # revoked here, or more of one node than can wait


def import_keys(trust: OperatorTrust, entries: Iterable[KeyEntry], now: int) -> Mapping[ImportResult, list[int]]:
    """Take in the keys; return the nodes whose keys came to what, as often as they have such keys."""
    results: defaultdict[ImportResult, list[int]] = defaultdict(list)
    # a node's key in use before others of it
    for entry in sorted(entries, key=lambda entry: entry.state is KeyState.CHANGED):
        result = _import(trust, entry, now)
        results[result].append(entry.node.num)
        if result is ImportResult.CHANGED:
            trust.leave_unreported(entry.node.num, entry.public_key)
    # the bot that runs next reports them
    trust.take_incidents()
    return results


def _import(trust: OperatorTrust, given: KeyEntry, now: int) -> ImportResult:
    entry = replace(given, node=legible_row(given.node), decided_by=one_line(given.decided_by))
    num, key = entry.node.num, entry.public_key
    before = trust.rows_of(num)
    if entry.state is KeyState.REVOKED:
        return _import_revoked(trust, entry, now)
    if key in {row.public_key for row in before.pending}:
        return ImportResult.SAME
    if before.trusted is not None and before.trusted.public_key == key:
        return ImportResult.SAME
    trust.learn(entry.node, b"", KeySource.IMPORT, now)
    if entry.state is KeyState.CHANGED and before.trusted is None:
        return ImportResult.KEPT_OUT
    trust.learn(entry.node, key, KeySource.IMPORT, now)
    after = trust.rows_of(num)
    if after.trusted is not None and after.trusted.public_key == key:
        if entry.state is KeyState.VERIFIED:
            trust.decide(num, key, KeyDecision.VERIFY, entry.decided_by, now)
        return ImportResult.ADDED
    is_waiting = key in {row.public_key for row in after.pending}
    return ImportResult.CHANGED if is_waiting else ImportResult.KEPT_OUT


def _import_revoked(trust: OperatorTrust, entry: KeyEntry, now: int) -> ImportResult:
    """A key that is in use here stays so: the operator is told."""
    num, key = entry.node.num, entry.public_key
    known = trust.rows_of(num)
    if key in {row.public_key for row in known.revoked}:
        return ImportResult.SAME
    if known.trusted is not None and known.trusted.public_key == key:
        return ImportResult.REVOKED
    trust.learn(entry.node, b"", KeySource.IMPORT, now)
    trust.take_revoked(KeyRow(num, key, KeySource.IMPORT, KeyStatus.REVOKED, now, now, entry.decided_by), now)
    return ImportResult.ADDED
