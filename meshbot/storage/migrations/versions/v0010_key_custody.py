"""Whose keys the radio needs, and what our own radio was at the last READY."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE

revision = "0010"
down_revision = "0009"

# Who wrote to us directly: the one to whom most direct texts went that our node could read
PARTNERS = """
INSERT INTO key_custody (num, dm_at)
SELECT sender, MAX(rx_time) FROM packets
WHERE portnum = 1 AND channel IS NOT NULL AND recipient = (
    SELECT recipient FROM packets WHERE portnum = 1 AND channel IS NOT NULL AND recipient <> 4294967295
    GROUP BY recipient ORDER BY COUNT(*) DESC LIMIT 1
)
GROUP BY sender
"""


def upgrade() -> None:
    """Make the tables, and fill in who has written to us lately."""
    op.create_table(
        "key_custody",
        sa.Column("num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("dm_at", sa.BigInteger),
        sa.Column("asked_at", sa.BigInteger),
        sa.Column("taught_at", sa.BigInteger),
        sa.Column("stays_favourite", sa.Boolean),
        **ONE_TREE,
    )
    op.create_table(
        "own_radio",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("region", sa.SmallInteger, nullable=False),
        sa.Column("nodes", sa.Integer, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("taught", sa.Integer, nullable=False),
        **ONE_TREE,
    )
    op.execute(PARTNERS)
