"""Firmware 2.8: the numbers that our own node has had, and nodes that take no messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE

revision = "0011"
down_revision = "0008"


def upgrade() -> None:
    """Make the table and the column."""
    op.create_table(
        "own_nodes",
        sa.Column("num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        **ONE_TREE,
    )
    op.add_column("nodes", sa.Column("unmessagable", sa.Boolean))
