"""A Meshtastic node in software, which speaks the stream protocol over TCP and fails on demand."""

from meshbot.virtual_node.faults import FAULTS, Fault, Parameter
from meshbot.virtual_node.packets import BROADCAST_NUM
from meshbot.virtual_node.population import User
from meshbot.virtual_node.records import Received, ReceivedPacket, Transmission
from meshbot.virtual_node.server import VirtualNode

__all__ = [
    "BROADCAST_NUM",
    "FAULTS",
    "Fault",
    "Parameter",
    "Received",
    "ReceivedPacket",
    "Transmission",
    "User",
    "VirtualNode",
]
