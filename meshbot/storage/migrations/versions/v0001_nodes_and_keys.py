"""Nodes, their public keys, and which files were imported."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "nodes",
        sa.Column("num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("long_name", sa.String, nullable=False),
        sa.Column("short_name", sa.String, nullable=False),
        sa.Column("hw_model", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("altitude", sa.Integer),
        sa.Column("last_update", sa.BigInteger),
        **ONE_TREE,
    )
    op.create_table(
        "public_keys",
        sa.Column("num", sa.BigInteger, sa.ForeignKey("nodes.num"), primary_key=True),
        sa.Column(
            "public_key", sa.LargeBinary(32), sa.CheckConstraint("length(public_key) = 32", "length"), primary_key=True
        ),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("status IN ('trusted', 'pending', 'superseded')", "status"),
        sa.CheckConstraint("source IN ('nodedb', 'nodeinfo', 'import', 'operator')", "source"),
        **ONE_TREE,
    )
    op.create_index(
        "one_trusted_key_a_node",
        "public_keys",
        ["num"],
        unique=True,
        sqlite_where=sa.text("status = 'trusted'"),
        postgresql_where=sa.text("status = 'trusted'"),
    )
    op.create_table(
        "imports",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("imported_at", sa.BigInteger, nullable=False),
        **ONE_TREE,
    )
