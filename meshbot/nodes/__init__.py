"""Nodes: whose public key is trusted, the older bot's names, and the keys in the library's nodes."""

from meshbot.nodes.custody_records import CustodyChanges
from meshbot.nodes.eviction import NodeActivity, to_evict
from meshbot.nodes.interface_nodes import LastSync, reported_by_radio, sync_keys
from meshbot.nodes.key_custody import CustodyLinks, CustodyRestored, KeyCustody, LookAtKeys, NoteKept, RadioReady
from meshbot.nodes.legacy_names import read_node_names
from meshbot.nodes.radio_state import FINAL_OUTCOMES, KeyTally, Loss, Outcome, TrustedKey
from meshbot.nodes.trust import EVICTED, KeyTrust, NodeCounts, NodeReport, brief, legible_row, screened

__all__ = [
    "EVICTED",
    "FINAL_OUTCOMES",
    "CustodyChanges",
    "CustodyLinks",
    "CustodyRestored",
    "KeyCustody",
    "KeyTally",
    "KeyTrust",
    "LastSync",
    "LookAtKeys",
    "Loss",
    "NodeActivity",
    "NodeCounts",
    "NodeReport",
    "NoteKept",
    "Outcome",
    "RadioReady",
    "TrustedKey",
    "brief",
    "legible_row",
    "read_node_names",
    "reported_by_radio",
    "screened",
    "sync_keys",
    "to_evict",
]
