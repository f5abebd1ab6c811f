"""Which numbers are one node's: no row of any other table changes, so that a joining can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "identities",
        sa.Column("old_num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("new_num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("proven_at", sa.BigInteger),
        sa.Column("heard_at", sa.BigInteger),
        sa.Column("joined_at", sa.BigInteger),
        **ONE_TREE,
    )
