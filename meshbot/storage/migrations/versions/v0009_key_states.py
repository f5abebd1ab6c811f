"""Keys that an operator has revoked, who decided about a key, and when a message under it was last acknowledged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE

revision = "0009"
down_revision = "0011"

STATUSES = "status IN ('trusted', 'pending', 'superseded', 'revoked')"
COLUMNS = "num, public_key, source, status, first_seen, changed_at"


def upgrade() -> None:
    """Add the columns, and the status to the constraint."""
    if op.get_bind().dialect.name == "sqlite":
        _make_again()
        return
    op.add_column("public_keys", sa.Column("decided_by", sa.String, nullable=False, server_default=""))
    op.add_column("public_keys", sa.Column("acked_at", sa.BigInteger))
    op.drop_constraint(op.f("ck_public_keys_status"), "public_keys")
    op.create_check_constraint(op.f("ck_public_keys_status"), "public_keys", STATUSES)


def _make_again() -> None:
    """SQLite changes no constraint: make the table again with its rows."""
    op.drop_index("one_trusted_key_a_node", "public_keys")
    op.rename_table("public_keys", "public_keys_before")
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
        sa.Column("decided_by", sa.String, nullable=False, server_default=""),
        sa.Column("acked_at", sa.BigInteger),
        sa.CheckConstraint(STATUSES, "status"),
        sa.CheckConstraint("source IN ('nodedb', 'nodeinfo', 'import', 'operator')", "source"),
        **ONE_TREE,
    )
    op.execute(f"INSERT INTO public_keys ({COLUMNS}) SELECT {COLUMNS} FROM public_keys_before")  # noqa: S608 - constants
    op.drop_table("public_keys_before")
    op.create_index(
        "one_trusted_key_a_node", "public_keys", ["num"], unique=True, sqlite_where=sa.text("status = 'trusted'")
    )
