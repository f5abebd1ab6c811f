"""Nodes: whose public key is trusted, and how nodes stand in the library."""

from meshbot.nodes.interface_nodes import UNSET, is_placeholder, put_key
from meshbot.nodes.legacy_names import read_node_names
from meshbot.nodes.trust import KeyTrust, NodeCounts, brief

__all__ = [
    "UNSET",
    "KeyTrust",
    "NodeCounts",
    "brief",
    "is_placeholder",
    "put_key",
    "read_node_names",
]
