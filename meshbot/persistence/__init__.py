"""Writing behind: what is learnt is kept in memory and written in batches by one thread."""

from meshbot.persistence.housekeeping import Housekeeping, NodeDatabase, QueueChanges, UpdatesHandled
from meshbot.persistence.queue_writer import QueueWriter
from meshbot.persistence.replay_guard import ReplayGuard
from meshbot.persistence.update_writer import HandledBefore, UpdateWriter

__all__ = [
    "HandledBefore",
    "Housekeeping",
    "NodeDatabase",
    "QueueChanges",
    "QueueWriter",
    "ReplayGuard",
    "UpdateWriter",
    "UpdatesHandled",
]
