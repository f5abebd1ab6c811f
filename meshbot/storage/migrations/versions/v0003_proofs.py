"""Whether a mail's sender was proven, and which commands of admins were executed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ROW_NUMBER

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, which counts older mails as unproven, and make the table."""
    op.add_column("mail", sa.Column("proven", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "orders",
        sa.Column("id", ROW_NUMBER, primary_key=True),
        sa.Column("sender", sa.BigInteger, nullable=False),
        sa.Column("packet_id", sa.BigInteger, nullable=False),
    )
