"""The database: nothing outside knows that it is SQLite."""

from meshbot.storage.custody import CustodyRow, CustodyStore, OwnRadioRow
from meshbot.storage.database import Database, database_of, open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.link_periods import LinkPeriodRow, LinkPeriodStore
from meshbot.storage.mail import Mail, MailScope, MailStore, MailTable
from meshbot.storage.nodes import (
    UNREPORTED,
    Changes,
    IdentityRow,
    ImportRow,
    KeyRow,
    KeySource,
    KeyStatus,
    NodeRow,
    NodeStore,
    Snapshot,
)
from meshbot.storage.outbox import OutboxRow, OutboxStore
from meshbot.storage.own_nodes import OwnNodeRow, OwnNodeStore
from meshbot.storage.packet_log import PacketLog
from meshbot.storage.packet_rows import (
    DAY,
    HOUR,
    UNKNOWN,
    Air,
    BatchRows,
    Kind,
    LinkRow,
    NodeState,
    NodeVolume,
    PacketRow,
    StateChanges,
    Volume,
)
from meshbot.storage.replay_keys import ReplayKey, ReplayStore
from meshbot.storage.sqlite import FILE_NAME
from meshbot.storage.sqlite_file import (
    FileError,
    FileProblem,
    copy_file,
    export_lines,
    inspect_file,
    make_private_folder,
    restore_file,
    vacuum_file,
)
from meshbot.storage.telegram import UpdateStore
from meshbot.storage.traffic import By, Span, TrafficQueries

__all__ = [
    "DAY",
    "FILE_NAME",
    "HOUR",
    "UNKNOWN",
    "UNREPORTED",
    "Air",
    "BatchRows",
    "By",
    "Changes",
    "CustodyRow",
    "CustodyStore",
    "Database",
    "FileError",
    "FileProblem",
    "IdentityRow",
    "ImportRow",
    "KeyRow",
    "KeySource",
    "KeyStatus",
    "Kind",
    "LinkPeriodRow",
    "LinkPeriodStore",
    "LinkRow",
    "Mail",
    "MailScope",
    "MailStore",
    "MailTable",
    "NodeRow",
    "NodeState",
    "NodeStore",
    "NodeVolume",
    "OutboxRow",
    "OutboxStore",
    "OwnNodeRow",
    "OwnNodeStore",
    "OwnRadioRow",
    "PacketLog",
    "PacketRow",
    "ReplayKey",
    "ReplayStore",
    "Snapshot",
    "Span",
    "StateChanges",
    "StorageError",
    "TrafficQueries",
    "UpdateStore",
    "Volume",
    "copy_file",
    "database_of",
    "export_lines",
    "inspect_file",
    "make_private_folder",
    "open_database",
    "restore_file",
    "vacuum_file",
]
