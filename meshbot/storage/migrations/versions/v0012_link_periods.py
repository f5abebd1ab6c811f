"""When the link was up and when it was not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "link_periods",
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
        sa.Column("is_up", sa.Boolean, nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        **ONE_TREE,
    )
