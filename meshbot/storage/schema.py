"""The tables. Times are whole seconds since 1970 in UTC; a node is its 32-bit number."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    false,
    text,
)

from meshbot.storage.sqlite import ONE_TREE, ROW_NUMBER

# Every revision of migrations/versions in order; the last one makes the tables below.
REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0011", "0009", "0010", "0012")

# Migrations address constraints by name.
METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

VERSION: Final = Table("alembic_version", METADATA, Column("version_num", String(32), primary_key=True))

NODES: Final = Table(
    "nodes",
    METADATA,
    Column("num", BigInteger, primary_key=True, autoincrement=False),
    Column("long_name", String, nullable=False),
    Column("short_name", String, nullable=False),
    Column("hw_model", String, nullable=False),
    Column("role", String, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("altitude", Integer),
    Column("last_update", BigInteger),
    Column("former_name", String, nullable=False, server_default=""),  # before it was renamed
    Column("renamed_at", BigInteger),
    Column("unmessagable", Boolean),  # as the node itself says; null: it does not say
    **ONE_TREE,
)

PUBLIC_KEYS: Final = Table(
    "public_keys",
    METADATA,
    Column("num", BigInteger, ForeignKey("nodes.num"), primary_key=True),
    Column("public_key", LargeBinary(32), CheckConstraint("length(public_key) = 32", "length"), primary_key=True),
    Column("source", String, nullable=False),
    Column("status", String, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("decided_by", String, nullable=False, server_default=""),  # the operator
    Column("acked_at", BigInteger),  # last direct message that the node acknowledged under it
    CheckConstraint("status IN ('trusted', 'pending', 'superseded', 'revoked')", "status"),
    CheckConstraint("source IN ('nodedb', 'nodeinfo', 'import', 'operator')", "source"),
    **ONE_TREE,
)
# For PostgreSQL server.py says the same: said here, it would load that dialect, 2 MB, for everybody
ONE_TRUSTED_KEY: Final = Index(
    "one_trusted_key_a_node", PUBLIC_KEYS.c.num, unique=True, sqlite_where=text("status = 'trusted'")
)

# Which numbers are one node's by their public key: the rows of each stay under it, and are found by this
IDENTITIES: Final = Table(
    "identities",
    METADATA,
    Column("old_num", BigInteger, primary_key=True, autoincrement=False),
    Column("new_num", BigInteger, primary_key=True, autoincrement=False),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("since", BigInteger, nullable=False),  # when both were first known with that key
    Column("proven_at", BigInteger),  # when the new number last proved that it has the private key
    Column("heard_at", BigInteger),  # when the old number was last heard
    Column("joined_at", BigInteger),  # null: they are two nodes
    **ONE_TREE,
)

IMPORTS: Final = Table(
    "imports",
    METADATA,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the file's content
    Column("path", String, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
    **ONE_TREE,
)

# What is known of a node beside its name and key: it changes with every packet, and is written every few minutes
NODE_STATES: Final = Table(
    "node_states",
    METADATA,
    Column("num", BigInteger, primary_key=True, autoincrement=False),
    Column("last_heard", BigInteger, nullable=False),
    Column("hops", SmallInteger),
    Column("via_mqtt", Boolean, nullable=False),
    Column("snr", Float),  # dB, with the next two: when heard without a relay
    Column("rssi", SmallInteger),  # dBm
    Column("direct_at", BigInteger),
    Column("battery", SmallInteger),  # percent; above 100: powered
    Column("voltage", Float),
    Column("utilization", Float),  # percent of the channel's time, as the node hears it
    Column("air_tx", Float),  # percent of the time in which the node itself sent
    Column("metrics_at", BigInteger),
    Column("latitude", Float),  # degrees
    Column("longitude", Float),
    Column("altitude", Integer),  # metres above the sea
    Column("position_at", BigInteger),
    Column("first_heard", BigInteger),  # null: heard once
    **ONE_TREE,
)

# The numbers that the bot's own node has had
OWN_NODES: Final = Table(
    "own_nodes",
    METADATA,
    Column("num", BigInteger, primary_key=True, autoincrement=False),
    Column("public_key", LargeBinary(32), nullable=False),  # empty: not known
    Column("since", BigInteger, nullable=False),
    **ONE_TREE,
)

# In order of arrival, so writing and pruning touch the two ends only; queries go to the sums below.
PACKETS: Final = Table(
    "packets",
    METADATA,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("rx_time", BigInteger, nullable=False),
    Column("sender", BigInteger, nullable=False),
    Column("recipient", BigInteger, nullable=False),
    Column("packet_id", BigInteger, nullable=False),
    Column("channel", SmallInteger),  # index; null when our node could not decrypt it
    Column("portnum", Integer),  # null when our node could not decrypt it
    Column("hops", SmallInteger),
    Column("hop_start", SmallInteger),
    Column("snr", Float),
    Column("rssi", SmallInteger),
    Column("via_mqtt", Boolean, nullable=False),
    Column("size", Integer, nullable=False),  # bytes of payload
)

# Sums by hour; `hour` and `day` are their first second.
TRAFFIC_HOURS: Final = Table(
    "traffic_hours",
    METADATA,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),  # what the key counts: see packet_rows.Kind
    Column("key", BigInteger, primary_key=True, autoincrement=False),  # -1: not known
    Column("packets", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    **ONE_TREE,
)
NODE_HOURS: Final = Table(
    "node_hours",
    METADATA,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("num", BigInteger, primary_key=True, autoincrement=False),
    Column("packets", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("direct", Integer, nullable=False),  # packets heard without a relay, whose signal the rest sums up
    Column("snr_sum", Float, nullable=False),
    Column("snr_least", Float),
    Column("snr_most", Float),
    Column("rssi_sum", BigInteger, nullable=False),
    **ONE_TREE,
)
NODE_DAYS: Final = Table(
    "node_days",
    METADATA,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("num", BigInteger, primary_key=True, autoincrement=False),
    Column("packets", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    **ONE_TREE,
)
AIR_HOURS: Final = Table(
    "air_hours",
    METADATA,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("samples", Integer, nullable=False),
    Column("utilization_sum", Float, nullable=False),  # percent, our own node's telemetry
    Column("utilization_most", Float, nullable=False),
    Column("air_tx_sum", Float, nullable=False),
    Column("air_tx_most", Float, nullable=False),
    **ONE_TREE,
)

# Who hears whom
LINKS: Final = Table(
    "links",
    METADATA,
    Column("hearer", BigInteger, primary_key=True, autoincrement=False),
    Column("heard", BigInteger, primary_key=True, autoincrement=False),
    Column("snr", Float),
    Column("heard_at", BigInteger, nullable=False),
    Column("distance", Float),  # metres between both as known then
    **ONE_TREE,
)

MAIL: Final = Table(
    "mail",
    METADATA,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("sender", BigInteger, nullable=False),
    Column("recipient", BigInteger, nullable=False, index=True),
    Column("text", String, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("told_at", BigInteger),
    Column("read_at", BigInteger),
    Column("proven", Boolean, nullable=False, server_default=false()),  # who sent it
)

# Packets that brought commands of admins, in the order of arrival
ADMIN_COMMANDS_RUN: Final = Table(
    "orders",
    METADATA,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("sender", BigInteger, nullable=False),
    Column("packet_id", BigInteger, nullable=False),
)

# Packets that brought the other commands that were run
COMMANDS_RUN: Final = Table(
    "commands_run",
    METADATA,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("sender", BigInteger, nullable=False),
    Column("packet_id", BigInteger, nullable=False),
)

# One row a packet: each part of a long text is retried by itself
OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("id", ROW_NUMBER, primary_key=True),  # in the order of arrival
    Column("text_id", BigInteger, nullable=False),  # the id of its text's first packet
    Column("created", BigInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),  # see sending.Priority
    Column("recipient", BigInteger, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("text", String, nullable=False),
    Column("reply_id", BigInteger, nullable=False),
    Column("want_ack", Boolean, nullable=False),
    # of the present attempt: nodes ignore an id that they know
    Column("packet_id", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # wall time, which a restart keeps
    Column("state", String(16), nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("sent_at", BigInteger),  # first time under the present packet id
    Column("origin", String, nullable=False),  # who gets the delivery reports
)

# Updates that were handled, so that a restart handles none twice
TELEGRAM_UPDATES: Final = Table(
    "telegram_updates",
    METADATA,
    Column("bot", BigInteger, primary_key=True, autoincrement=False),  # each bot's updates are numbered by themselves
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("handled_at", BigInteger, nullable=False),
    **ONE_TREE,
)

# Messages that may have to be edited, so that a restart leaves none that is no longer true
TELEGRAM_MESSAGES: Final = Table(
    "telegram_messages",
    METADATA,
    Column("bot", BigInteger, primary_key=True, autoincrement=False),
    Column("chat", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", BigInteger, primary_key=True, autoincrement=False),  # 0: none
    Column("key", String(80), primary_key=True),
    Column("message_id", BigInteger, nullable=False),
    Column("posted_at", BigInteger, nullable=False),
    **ONE_TREE,
)

# What the Telegram side must still know after a restart, beside its messages
TELEGRAM_STATE: Final = Table(
    "telegram_state",
    METADATA,
    Column("bot", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(80), primary_key=True),
    Column("value", String, nullable=False),
    Column("kept_until", BigInteger),  # NULL: for ever
    **ONE_TREE,
)

# Whose keys the radio needs, and what was done about that
KEY_CUSTODY: Final = Table(
    "key_custody",
    METADATA,
    Column("num", BigInteger, primary_key=True, autoincrement=False),
    Column("dm_at", BigInteger),  # the last direct message under its key
    Column("asked_at", BigInteger),  # to introduce itself
    Column("taught_at", BigInteger),  # its key, to the radio
    Column("stays_favourite", Boolean),  # while it is being taught; null: nothing is to be undone
    **ONE_TREE,
)

# Our own radio at the last READY: one row
OWN_RADIO: Final = Table(
    "own_radio",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("num", BigInteger, nullable=False),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("region", SmallInteger, nullable=False),
    Column("nodes", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("taught", Integer, nullable=False),  # keys that the radio was taught on that day
    **ONE_TREE,
)

# When the link was up and when it was not, by the process that saw it; what no row covers, no process saw
LINK_PERIODS: Final = Table(
    "link_periods",
    METADATA,
    Column("run", BigInteger, primary_key=True, autoincrement=False),  # when the process began, in milliseconds
    Column("number", Integer, primary_key=True, autoincrement=False),  # in the order of time
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),  # or when it was last seen to go on
    Column("is_up", Boolean, nullable=False),
    Column("cause", String(32), nullable=False),  # of an outage: see runtime.LinkCause; empty: not known
    Column("losses", Integer, nullable=False),  # links that did not last, within one outage
    **ONE_TREE,
)

# What is small and is not heard again: checked at each start, and rescued from a damaged database
PRECIOUS: Final = (
    NODES,
    PUBLIC_KEYS,
    IDENTITIES,
    IMPORTS,
    NODE_STATES,
    OWN_NODES,
    MAIL,
    ADMIN_COMMANDS_RUN,
    COMMANDS_RUN,
    OUTBOX,
    TELEGRAM_UPDATES,
    TELEGRAM_MESSAGES,
    TELEGRAM_STATE,
    KEY_CUSTODY,
    OWN_RADIO,
    LINK_PERIODS,
)
