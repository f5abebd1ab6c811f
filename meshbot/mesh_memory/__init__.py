"""What the bot remembers of its mesh: `memory.MeshMemory` is what the rest of the program talks to."""

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
