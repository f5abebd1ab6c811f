"""Nodes and their public keys, as rows: loaded once, then written when they change."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from sys import intern
from typing import TYPE_CHECKING

from sqlalchemy import select

from storage.schema import IMPORTS, NODES, PUBLIC_KEYS
from storage.upsert import as_row, upsert

if TYPE_CHECKING:
    from storage.database import Database


class KeySource(StrEnum):
    """Who vouches for a key."""

    NODEDB = "nodedb"  # the radio's own node database
    NODEINFO = "nodeinfo"  # a NODEINFO packet, which anybody can send
    IMPORT = "import"  # the older bot's file
    OPERATOR = "operator"


class KeyStatus(StrEnum):
    """What a key is good for."""

    TRUSTED = "trusted"
    PENDING = "pending"  # differs from the trusted one, nobody has confirmed it
    SUPERSEDED = "superseded"  # was trusted once


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


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One public key of one node."""

    num: int
    public_key: bytes  # 32 bytes
    source: KeySource
    status: KeyStatus
    first_seen: int  # seconds since 1970
    changed_at: int  # seconds since 1970: when source or status last changed


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

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.nodes) + len(self.keys) + len(self.imports)

    def update(self, newer: Changes) -> None:
        """Take over `newer`'s rows, which win."""
        self.nodes.update(newer.nodes)
        self.keys.update(newer.keys)
        self.imports.update(newer.imports)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a fresh start needs: superseded keys stay in the database."""

    nodes: dict[int, NodeRow] = field(default_factory=dict)
    trusted: dict[int, KeyRow] = field(default_factory=dict)
    pending: dict[int, list[KeyRow]] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)


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
            for num, key, source, status, *times in connection.execute(in_use):
                row = KeyRow(num, key, KeySource(source), KeyStatus(status), *times)
                if row.status is KeyStatus.TRUSTED:
                    snapshot.trusted[num] = row
                else:
                    snapshot.pending.setdefault(num, []).append(row)
            snapshot.imported.update(connection.scalars(select(IMPORTS.c.digest)))
        return snapshot

    def save(self, changes: Changes) -> None:
        """Insert or update all rows, or none; touches nothing when there are none."""
        if not changes:
            return
        # A node has one trusted key: the old one steps down before the new one steps up.
        keys = sorted(changes.keys.values(), key=lambda row: row.status is KeyStatus.TRUSTED)
        with self._database.transaction() as connection:
            upsert(connection, NODES, map(as_row, changes.nodes.values()))
            upsert(connection, PUBLIC_KEYS, map(as_row, keys), keep=["first_seen"])
            upsert(connection, IMPORTS, map(as_row, changes.imports.values()))
