"""What was heard, its sums, mails, and what waits to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meshbot.storage.sqlite import ONE_TREE, ROW_NUMBER

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    _make_what_was_heard()
    _make_sums()
    _make_messages()


def _make_what_was_heard() -> None:
    op.create_table(
        "node_states",
        sa.Column("num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_heard", sa.BigInteger, nullable=False),
        sa.Column("hops", sa.SmallInteger),
        sa.Column("via_mqtt", sa.Boolean, nullable=False),
        sa.Column("snr", sa.Float),
        sa.Column("rssi", sa.SmallInteger),
        sa.Column("direct_at", sa.BigInteger),
        sa.Column("battery", sa.SmallInteger),
        sa.Column("voltage", sa.Float),
        sa.Column("utilization", sa.Float),
        sa.Column("air_tx", sa.Float),
        sa.Column("metrics_at", sa.BigInteger),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("altitude", sa.Integer),
        sa.Column("position_at", sa.BigInteger),
        **ONE_TREE,
    )
    op.create_table(
        "packets",
        sa.Column("id", ROW_NUMBER, primary_key=True),
        sa.Column("rx_time", sa.BigInteger, nullable=False),
        sa.Column("sender", sa.BigInteger, nullable=False),
        sa.Column("recipient", sa.BigInteger, nullable=False),
        sa.Column("packet_id", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.SmallInteger),
        sa.Column("portnum", sa.Integer),
        sa.Column("hops", sa.SmallInteger),
        sa.Column("hop_start", sa.SmallInteger),
        sa.Column("snr", sa.Float),
        sa.Column("rssi", sa.SmallInteger),
        sa.Column("via_mqtt", sa.Boolean, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("hearer", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("heard", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("snr", sa.Float),
        sa.Column("heard_at", sa.BigInteger, nullable=False),
        sa.Column("distance", sa.Float),
        **ONE_TREE,
    )


def _make_sums() -> None:
    op.create_table(
        "traffic_hours",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("packets", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        **ONE_TREE,
    )
    op.create_table(
        "node_hours",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("packets", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("direct", sa.Integer, nullable=False),
        sa.Column("snr_sum", sa.Float, nullable=False),
        sa.Column("snr_least", sa.Float),
        sa.Column("snr_most", sa.Float),
        sa.Column("rssi_sum", sa.BigInteger, nullable=False),
        **ONE_TREE,
    )
    op.create_table(
        "node_days",
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("num", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("packets", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        **ONE_TREE,
    )
    op.create_table(
        "air_hours",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("utilization_sum", sa.Float, nullable=False),
        sa.Column("utilization_most", sa.Float, nullable=False),
        sa.Column("air_tx_sum", sa.Float, nullable=False),
        sa.Column("air_tx_most", sa.Float, nullable=False),
        **ONE_TREE,
    )


def _make_messages() -> None:
    op.create_table(
        "mail",
        sa.Column("id", ROW_NUMBER, primary_key=True),
        sa.Column("sender", sa.BigInteger, nullable=False),
        sa.Column("recipient", sa.BigInteger, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger),
        sa.Column("read_at", sa.BigInteger),
    )
    op.create_index("ix_mail_recipient", "mail", ["recipient"])
    op.create_table(
        "outbox",
        sa.Column("id", ROW_NUMBER, primary_key=True),
        sa.Column("text_id", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("recipient", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.SmallInteger, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("reply_id", sa.BigInteger, nullable=False),
        sa.Column("want_ack", sa.Boolean, nullable=False),
        sa.Column("packet_id", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("origin", sa.String, nullable=False),
    )
