"""A Meshtastic node in software, which speaks the stream protocol over TCP and fails on demand."""

from virtual_node.faults import FAULTS, Fault, Parameter
from virtual_node.packets import BROADCAST_NUM
from virtual_node.population import User
from virtual_node.records import Received, ReceivedPacket, Transmission
from virtual_node.server import VirtualNode

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
