"""A Meshtastic node in software, which speaks the stream protocol over TCP and fails on demand."""

from meshbot.virtual_node.faults import FAULTS, Fault
from meshbot.virtual_node.firmware import Firmware
from meshbot.virtual_node.framing import Deframer
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet, new_packet_id, sender_of
from meshbot.virtual_node.population import MAX_HOPS, User, metrics_message, position_message, user_message
from meshbot.virtual_node.server import VirtualNode
from meshbot.virtual_node.signatures import sign

__all__ = [
    "BROADCAST_NUM",
    "FAULTS",
    "MAX_HOPS",
    "Deframer",
    "Fault",
    "Firmware",
    "User",
    "VirtualNode",
    "data_packet",
    "metrics_message",
    "new_packet_id",
    "position_message",
    "sender_of",
    "sign",
    "user_message",
]
