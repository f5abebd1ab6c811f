"""What the bot remembers of its mesh, and the mails that users leave for each other."""

from meshbot.mesh_memory.mailbox import MAX_ALL, MAX_MAIL, Mailbox, MailboxFullError
from meshbot.mesh_memory.memory import MeshMemory
from meshbot.mesh_memory.search import folded
from meshbot.mesh_memory.views import AirHour, DirectNode, HourShare, Link, NodeView, Share, SignalHour, Totals, Traffic

__all__ = [
    "MAX_ALL",
    "MAX_MAIL",
    "AirHour",
    "DirectNode",
    "HourShare",
    "Link",
    "Mailbox",
    "MailboxFullError",
    "MeshMemory",
    "NodeView",
    "Share",
    "SignalHour",
    "Totals",
    "Traffic",
    "folded",
]
