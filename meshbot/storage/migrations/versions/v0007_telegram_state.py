"""What the Telegram side must still know after a restart: open alerts, groups with new ids, open conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "telegram_state",
        sa.Column("bot", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("kept_until", sa.BigInteger),
        **ONE_TREE,
    )
