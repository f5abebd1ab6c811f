"""Writing behind: what changes is kept in memory, and committed in batches by one thread."""

from meshbot.persistence.custody_writer import CustodyWriter
from meshbot.persistence.daily_backup import BACKUP_FOLDER, DailyBackup, backup_name, backups_in
from meshbot.persistence.housekeeping import Housekeeping, Takers
from meshbot.persistence.link_history import KEPT_FOR, RESTARTED, LinkHistory
from meshbot.persistence.own_node import OwnNodeHistory
from meshbot.persistence.queue_writer import QueueChanges, QueueWriter
from meshbot.persistence.replay_guard import KEPT_OF_ALL, ReplayGuard, recall_texts
from meshbot.persistence.update_writer import HandledBefore, SavedValue, UpdatesHandled, UpdateWriter
from meshbot.persistence.write_behind import WriteBehind

__all__ = [
    "BACKUP_FOLDER",
    "KEPT_FOR",
    "KEPT_OF_ALL",
    "RESTARTED",
    "CustodyWriter",
    "DailyBackup",
    "HandledBefore",
    "Housekeeping",
    "LinkHistory",
    "OwnNodeHistory",
    "QueueChanges",
    "QueueWriter",
    "ReplayGuard",
    "SavedValue",
    "Takers",
    "UpdateWriter",
    "UpdatesHandled",
    "WriteBehind",
    "backup_name",
    "backups_in",
    "recall_texts",
]
