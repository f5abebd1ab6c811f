"""Nodes and their public keys, as rows: loaded once, then written when they change."""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from sys import intern
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, or_, select

from meshbot.storage.errors import RefusedRowError
from meshbot.storage.schema import IDENTITIES, IMPORTS, NODES, PUBLIC_KEYS
from meshbot.storage.upsert import as_row, in_chunks, upsert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshbot.storage.database import Database

LOGGER = logging.getLogger(__name__)


class KeySource(StrEnum):
    """Where a key comes from."""

    NODEDB = "nodedb"  # the radio's own node database
    NODEINFO = "nodeinfo"  # a NODEINFO packet, which anybody can send
    IMPORT = "import"  # the older bot's file
    OPERATOR = "operator"


class KeyStatus(StrEnum):
    """What a key is good for."""

    TRUSTED = "trusted"
    PENDING = "pending"  # differs from the trusted one, unconfirmed
    SUPERSEDED = "superseded"  # was trusted once
    REVOKED = "revoked"  # refused by an operator


@dataclass(frozen=True, slots=True)
class NodeRow:
    """What is known of one node; empty text and None mean "not known"."""

    num: int
    long_name: str = ""
    short_name: str = ""
    hw_model: str = ""
    role: str = ""
    latitude: float | None = None  # degrees
    longitude: float | None = None  # degrees
    altitude: int | None = None  # metres above the sea
    last_update: int | None = None  # seconds since 1970: when the rest of the row last changed
    former_name: str = ""  # before it was renamed
    renamed_at: int | None = None  # seconds since 1970
    unmessagable: bool | None = None  # it takes no messages, as it says itself


UNREPORTED: Final = 0


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One public key of one node."""

    num: int
    public_key: bytes  # 32 bytes
    source: KeySource
    status: KeyStatus
    first_seen: int  # seconds since 1970
    # seconds since 1970: when source or status last changed; UNREPORTED: operators have not heard of it
    changed_at: int
    decided_by: str = ""  # the operator whose decision the status is; empty: none
    acked_at: int | None = None  # seconds since 1970: when the node last acknowledged a direct message under it


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """Two numbers that share a public key, of which the second is the key's own; times are seconds since 1970."""

    old_num: int
    new_num: int
    public_key: bytes
    since: int  # when both were first known with that key
    proven_at: int | None = None  # when the new number last proved that it has the private key
    heard_at: int | None = None  # when the old number was last heard
    joined_at: int | None = None  # None: they are two nodes


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One file that was imported."""

    digest: str  # SHA-256 of its content, hexadecimal
    path: str
    imported_at: int  # seconds since 1970


@dataclass(slots=True)
class Changes:
    """Rows to write, the latest state of each; false when there is nothing to write."""

    nodes: dict[int, NodeRow] = field(default_factory=dict)
    keys: dict[tuple[int, bytes], KeyRow] = field(default_factory=dict)
    imports: dict[str, ImportRow] = field(default_factory=dict)
    # by old and new number
    identities: dict[tuple[int, int], IdentityRow] = field(default_factory=dict)
    # nodes whose rows and keys are deleted before the others are written
    evicted: set[int] = field(default_factory=set)
    # keys that are deleted before the others are written, by node and key
    dropped: set[tuple[int, bytes]] = field(default_factory=set)

    def __len__(self) -> int:
        """Return the number of rows."""
        written = len(self.nodes) + len(self.keys) + len(self.imports) + len(self.identities)
        return written + len(self.evicted) + len(self.dropped)

    @property
    def is_urgent(self) -> bool:
        """Whether there is more to write than names."""
        return len(self) > len(self.nodes)

    def drop(self, row: KeyRow) -> None:
        """Have a node's key deleted."""
        self.dropped.add((row.num, row.public_key))
        self.keys.pop((row.num, row.public_key), None)

    def evict(self, nums: Iterable[int]) -> None:
        """Have all of these nodes deleted."""
        gone = set(nums)
        self.evicted |= gone
        self.nodes = {num: row for num, row in self.nodes.items() if num not in gone}
        self.keys = {key: row for key, row in self.keys.items() if key[0] not in gone}
        self.identities = {nums: row for nums, row in self.identities.items() if gone.isdisjoint(nums)}

    def update(self, newer: Changes) -> None:
        """Take over `newer`'s rows, which win."""
        self.evict(newer.evicted)
        self.dropped |= newer.dropped
        self.keys = {key: row for key, row in self.keys.items() if key not in newer.dropped}
        self.nodes.update(newer.nodes)
        self.keys.update(newer.keys)
        self.imports.update(newer.imports)
        self.identities.update(newer.identities)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a fresh start needs: superseded keys stay in the database."""

    nodes: dict[int, NodeRow] = field(default_factory=dict)
    trusted: dict[int, KeyRow] = field(default_factory=dict)
    pending: dict[int, list[KeyRow]] = field(default_factory=dict)
    revoked: dict[int, list[KeyRow]] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    identities: list[IdentityRow] = field(default_factory=list)


class NodeStore:
    """Nodes and keys in the database; every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> Snapshot:
        """Read everything that is in use."""
        snapshot = Snapshot()
        with self._database.reading() as connection:
            for num, long_name, short_name, hw_model, role, *rest in connection.execute(select(NODES)):
                snapshot.nodes[num] = NodeRow(num, long_name, short_name, intern(hw_model), intern(role), *rest)
            in_use = select(PUBLIC_KEYS).where(PUBLIC_KEYS.c.status != KeyStatus.SUPERSEDED)
            for num, key, source, status, *rest in connection.execute(in_use):
                row = KeyRow(num, key, KeySource(source), KeyStatus(status), *rest)
                if row.status is KeyStatus.TRUSTED:
                    snapshot.trusted[num] = row
                else:
                    rows = snapshot.revoked if row.status is KeyStatus.REVOKED else snapshot.pending
                    rows.setdefault(num, []).append(row)
            snapshot.imported.update(connection.scalars(select(IMPORTS.c.digest)))
            snapshot.identities.extend(IdentityRow(*row) for row in connection.execute(select(IDENTITIES)))
        return snapshot

    def save(self, changes: Changes) -> None:
        """Insert or update all rows, or none; of rows that the database refuses, all others, and a log line for each.

        Another process on the same database may have trusted another key of a node: one such row must not keep all
        others from being written.
        """
        if not changes:
            return
        try:
            self._write(changes)
        except RefusedRowError as refusal:
            parts = _parts(changes)
            if len(parts) == 1:
                LOGGER.warning("⚠️ Base de données: %s non gardé: %s", _label(changes), refusal)
                return
            for part in parts:
                self.save(part)

    def _write(self, changes: Changes) -> None:
        keys = _in_order(changes.keys.values())
        with self._database.transaction() as connection:
            for chunk in in_chunks(sorted(changes.evicted)):
                connection.execute(delete(PUBLIC_KEYS).where(PUBLIC_KEYS.c.num.in_(chunk)))
                connection.execute(delete(NODES).where(NODES.c.num.in_(chunk)))
                either = or_(IDENTITIES.c.old_num.in_(chunk), IDENTITIES.c.new_num.in_(chunk))
                connection.execute(delete(IDENTITIES).where(either))
            for num, key in sorted(changes.dropped):
                connection.execute(delete(PUBLIC_KEYS).where(PUBLIC_KEYS.c.num == num, PUBLIC_KEYS.c.public_key == key))
            upsert(connection, NODES, map(as_row, changes.nodes.values()))
            upsert(connection, PUBLIC_KEYS, map(as_row, keys), keep=["first_seen"])
            upsert(connection, IMPORTS, map(as_row, changes.imports.values()))
            upsert(connection, IDENTITIES, map(as_row, changes.identities.values()))


def _in_order(keys: Iterable[KeyRow]) -> list[KeyRow]:
    """Return the keys as they can be written: a node has one trusted, so the old one steps down first."""
    return sorted(keys, key=lambda row: row.status is KeyStatus.TRUSTED)


def _parts(changes: Changes) -> list[Changes]:
    """Divide what was refused: imports last, then nodes by halves, then the rows of one node in their order."""
    gone = Changes(evicted=changes.evicted, dropped=changes.dropped)
    if gone and len(changes) > len(gone):
        return [gone, Changes(changes.nodes, changes.keys, changes.imports, changes.identities)]
    if changes.identities and len(changes) > len(changes.identities):
        return [Changes(changes.nodes, changes.keys, changes.imports), Changes(identities=changes.identities)]
    if changes.imports and (changes.nodes or changes.keys):
        return [Changes(nodes=changes.nodes, keys=changes.keys), Changes(imports=changes.imports)]
    nums = sorted({*changes.nodes, *(num for num, _key in changes.keys)})
    if len(nums) > 1:
        half = set(nums[: len(nums) // 2])
        return [_of_nodes(changes, half), _of_nodes(changes, set(nums) - half)]
    rows = chain(
        (Changes(evicted={num}) for num in sorted(changes.evicted)),
        (Changes(dropped={key}) for key in sorted(changes.dropped)),
        (Changes(nodes={row.num: row}) for row in changes.nodes.values()),
        (Changes(keys={(row.num, row.public_key): row}) for row in _in_order(changes.keys.values())),
        (Changes(imports={row.digest: row}) for row in changes.imports.values()),
        (Changes(identities={nums: row}) for nums, row in changes.identities.items()),
    )
    return list(rows)


def _of_nodes(changes: Changes, nums: set[int]) -> Changes:
    return Changes(
        nodes={num: row for num, row in changes.nodes.items() if num in nums},
        keys={key: row for key, row in changes.keys.items() if key[0] in nums},
    )


def _label(row: Changes) -> str:
    """Return what a single row is, for the log."""
    for key in row.keys.values():
        return f"clé publique {base64.b64encode(key.public_key).decode()[:8]}… de !{key.num:08x}"
    for old, new in row.identities:
        return f"changement de numéro !{old:08x} → !{new:08x}"
    for num, public_key in row.dropped:
        return f"oubli d'une clé publique {base64.b64encode(public_key).decode()[:8]}… de !{num:08x}"
    return "".join(f"nœud !{num:08x}" for num in (*row.nodes, *row.evicted)) or "fichier importé"
