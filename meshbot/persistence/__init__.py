"""Writing behind: what changes is kept in memory, and committed in batches by one thread."""

from meshbot.persistence.custody_writer import CustodyWriter
from meshbot.persistence.housekeeping import Housekeeping, Takers
from meshbot.persistence.link_history import KEPT_FOR, RESTARTED, LinkHistory
from meshbot.persistence.own_node import OwnNodeHistory
from meshbot.persistence.queue_writer import QueueChanges, QueueWriter
from meshbot.persistence.replay_guard import KEPT_OF_ALL, ReplayGuard, recall_texts
from meshbot.persistence.update_writer import HandledBefore, SavedValue, UpdatesHandled, UpdateWriter
from meshbot.persistence.write_behind import WriteBehind

__all__ = [
    "KEPT_FOR",
    "KEPT_OF_ALL",
    "RESTARTED",
    "CustodyWriter",
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
    "recall_texts",
]
