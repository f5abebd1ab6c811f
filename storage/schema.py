"""The tables. Times are whole seconds since 1970 in UTC; a node is its 32-bit number."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)

# What a migration tool finds in `alembic_version`: the revision that describes the tables below.
SCHEMA_VERSION: Final = "0001"

# An SD card wears by pages written: the primary key is the whole access path, one tree a table instead of two.
ONE_TREE: Final[dict[str, Any]] = {"sqlite_with_rowid": False}

# Migrations address constraints by name.
METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

VERSION: Final = Table("alembic_version", METADATA, Column("version_num", String(32), primary_key=True))

NODES: Final = Table(
    "nodes",
    METADATA,
    Column("num", BigInteger, primary_key=True, autoincrement=False),
    Column("long_name", String, nullable=False),
    Column("short_name", String, nullable=False),
    Column("hw_model", String, nullable=False),
    Column("role", String, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("altitude", Integer),
    Column("last_update", BigInteger),
    **ONE_TREE,
)

PUBLIC_KEYS: Final = Table(
    "public_keys",
    METADATA,
    Column("num", BigInteger, ForeignKey("nodes.num"), primary_key=True),
    Column("public_key", LargeBinary(32), CheckConstraint("length(public_key) = 32", "length"), primary_key=True),
    Column("source", String, nullable=False),
    Column("status", String, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    CheckConstraint("status IN ('trusted', 'pending', 'superseded')", "status"),
    CheckConstraint("source IN ('nodedb', 'nodeinfo', 'import', 'operator')", "source"),
    **ONE_TREE,
)
Index(
    "one_trusted_key_a_node",
    PUBLIC_KEYS.c.num,
    unique=True,
    sqlite_where=text("status = 'trusted'"),
    postgresql_where=text("status = 'trusted'"),
)

IMPORTS: Final = Table(
    "imports",
    METADATA,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the file's content
    Column("path", String, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
    **ONE_TREE,
)
