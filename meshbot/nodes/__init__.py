"""Nodes: whose public key is trusted, the older bot's names, and the keys in the library's nodes."""

from meshbot.nodes.custody_records import CustodyChanges
from meshbot.nodes.eviction import NodeActivity, to_evict
from meshbot.nodes.fingerprint import fingerprint_digits, fingerprint_of, parse_fingerprint
from meshbot.nodes.identity import Candidate, is_heard, is_proof
from meshbot.nodes.interface_nodes import LastSync, reported_by_radio, sync_keys
from meshbot.nodes.key_custody import CustodyLinks, CustodyRestored, KeyCustody, LookAtKeys, NoteKept, RadioReady
from meshbot.nodes.key_import import ImportResult, KeyEntry, import_keys
from meshbot.nodes.key_states import KeyDecision, KeyState, NodeKeys, state_of
from meshbot.nodes.known_nodes import KnownNodes
from meshbot.nodes.legacy_names import read_names_file
from meshbot.nodes.node_rows import NodeReport, is_usable, legible_row, screened
from meshbot.nodes.operator_trust import NodeCounts, OperatorTrust
from meshbot.nodes.radio_state import FINAL_OUTCOMES, KeyTally, Loss, Outcome, TrustedKey
from meshbot.nodes.teachable import teachable
from meshbot.nodes.trust import EVICTED
from meshbot.nodes.weak_keys import is_weak

__all__ = [
    "EVICTED",
    "FINAL_OUTCOMES",
    "Candidate",
    "CustodyChanges",
    "CustodyLinks",
    "CustodyRestored",
    "ImportResult",
    "KeyCustody",
    "KeyDecision",
    "KeyEntry",
    "KeyState",
    "KeyTally",
    "KnownNodes",
    "LastSync",
    "LookAtKeys",
    "Loss",
    "NodeActivity",
    "NodeCounts",
    "NodeKeys",
    "NodeReport",
    "NoteKept",
    "OperatorTrust",
    "Outcome",
    "RadioReady",
    "TrustedKey",
    "fingerprint_digits",
    "fingerprint_of",
    "import_keys",
    "is_heard",
    "is_proof",
    "is_usable",
    "is_weak",
    "legible_row",
    "parse_fingerprint",
    "read_names_file",
    "reported_by_radio",
    "screened",
    "state_of",
    "sync_keys",
    "teachable",
    "to_evict",
]
