"""The database: nothing outside knows that it is SQLite."""

from meshbot.storage.database import Database, database_of, open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.mail import Mail, MailStore, MailTable
from meshbot.storage.nodes import Changes, ImportRow, KeyRow, KeySource, KeyStatus, NodeRow, NodeStore, Snapshot
from meshbot.storage.outbox import OutboxRow, OutboxStore
from meshbot.storage.packet_batch import (
    DAY,
    HOUR,
    MAX_PACKETS,
    UNKNOWN,
    Air,
    Kind,
    LinkRow,
    NodeVolume,
    PacketBatch,
    PacketRow,
    RecentPackets,
    Volume,
)
from meshbot.storage.packet_log import NodeState, PacketLog, StateChanges
from meshbot.storage.replay_keys import ReplayKey, ReplayStore
from meshbot.storage.telegram import UpdateStore
from meshbot.storage.traffic import By, Span, TrafficQueries

__all__ = [
    "DAY",
    "HOUR",
    "MAX_PACKETS",
    "UNKNOWN",
    "Air",
    "By",
    "Changes",
    "Database",
    "ImportRow",
    "KeyRow",
    "KeySource",
    "KeyStatus",
    "Kind",
    "LinkRow",
    "Mail",
    "MailStore",
    "MailTable",
    "NodeRow",
    "NodeState",
    "NodeStore",
    "NodeVolume",
    "OutboxRow",
    "OutboxStore",
    "PacketBatch",
    "PacketLog",
    "PacketRow",
    "RecentPackets",
    "ReplayKey",
    "ReplayStore",
    "Snapshot",
    "Span",
    "StateChanges",
    "StorageError",
    "TrafficQueries",
    "UpdateStore",
    "Volume",
    "database_of",
    "open_database",
]
