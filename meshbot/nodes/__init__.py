"""Nodes: whose public key is trusted, the older bot's names, and the keys in the library's nodes."""

from meshbot.nodes.eviction import NodeActivity, to_evict
from meshbot.nodes.interface_nodes import LastSync, reported_by_radio, sync_keys
from meshbot.nodes.legacy_names import read_node_names
from meshbot.nodes.trust import EVICTED, KeyTrust, NodeCounts, NodeReport, brief, legible_row, screened

__all__ = [
    "EVICTED",
    "KeyTrust",
    "LastSync",
    "NodeActivity",
    "NodeCounts",
    "NodeReport",
    "brief",
    "legible_row",
    "read_node_names",
    "reported_by_radio",
    "screened",
    "sync_keys",
    "to_evict",
]
