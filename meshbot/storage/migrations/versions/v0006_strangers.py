"""What bounds the power of strangers: former names, since when nodes are heard, which commands were run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ROW_NUMBER

revision = "0006"
down_revision = "0005"

# Nodes that were heard on several days are known for longer than one packet
FIRST_HEARD = """
UPDATE node_states SET first_heard = known.day
FROM (SELECT num, MIN(day) AS day FROM node_days GROUP BY num) AS known
WHERE known.num = node_states.num AND known.day < node_states.last_heard
"""


def upgrade() -> None:
    """Add the columns and make the table."""
    op.add_column("nodes", sa.Column("former_name", sa.String, nullable=False, server_default=""))
    op.add_column("nodes", sa.Column("renamed_at", sa.BigInteger))
    op.add_column("node_states", sa.Column("first_heard", sa.BigInteger))
    op.execute(FIRST_HEARD)
    op.create_table(
        "commands_run",
        sa.Column("id", ROW_NUMBER, primary_key=True),
        sa.Column("sender", sa.BigInteger, nullable=False),
        sa.Column("packet_id", sa.BigInteger, nullable=False),
    )
