"""What the bot remembers of its mesh, and the mails that users leave for each other."""

from meshbot.mesh_memory.hourly_summary import HourlySummary
from meshbot.mesh_memory.mailbox import MAX_ALL, MAX_MAIL, MAX_SENDER, MAX_SENDER_ALL, Full, Mailbox, MailboxFullError
from meshbot.mesh_memory.memory import MeshMemory
from meshbot.mesh_memory.search import search
from meshbot.mesh_memory.views import AirHour, DirectNode, HourShare, Link, NodeView, Share, SignalHour, Totals, Traffic

__all__ = [
    "MAX_ALL",
    "MAX_MAIL",
    "MAX_SENDER",
    "MAX_SENDER_ALL",
    "AirHour",
    "DirectNode",
    "Full",
    "HourShare",
    "HourlySummary",
    "Link",
    "Mailbox",
    "MailboxFullError",
    "MeshMemory",
    "NodeView",
    "Share",
    "SignalHour",
    "Totals",
    "Traffic",
    "search",
]
