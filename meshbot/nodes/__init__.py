"""Nodes: whose public key is trusted, the older bot's names, and the keys in the library's nodes."""

from meshbot.nodes.custody_records import CustodyChanges
from meshbot.nodes.eviction import NodeActivity, to_evict
from meshbot.nodes.fingerprint import fingerprint_of, parse_fingerprint
from meshbot.nodes.identity import Candidate, is_heard, is_proof
from meshbot.nodes.interface_nodes import LastSync, reported_by_radio, sync_keys
from meshbot.nodes.key_custody import CustodyLinks, CustodyRestored, KeyCustody, LookAtKeys, NoteKept, RadioReady
from meshbot.nodes.legacy_names import read_node_names
from meshbot.nodes.node_rows import NodeReport, legible_row, screened
from meshbot.nodes.radio_state import FINAL_OUTCOMES, KeyTally, Loss, Outcome, TrustedKey
from meshbot.nodes.teachable import teachable
from meshbot.nodes.trust import EVICTED, KeyTrust, NodeCounts, brief

__all__ = [
    "EVICTED",
    "FINAL_OUTCOMES",
    "Candidate",
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
    "fingerprint_of",
    "is_heard",
    "is_proof",
    "legible_row",
    "parse_fingerprint",
    "read_node_names",
    "reported_by_radio",
    "screened",
    "sync_keys",
    "teachable",
    "to_evict",
]
