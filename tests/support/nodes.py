"""Nodes, keys, and an interface without a radio."""

from __future__ import annotations

import base64
from typing import Any

from meshbot.mesh_link.messages import NodeRecord, ReceivedText, TextMessage
from meshbot.nodes.identity import SILENCE, number_of

OWN = 0x9999
ALICE, BOB, CAROL = 0x20001EEF, 0x20001EF0, 0x20001EF1


def key(seed: int) -> bytes:
    """A usable public key, another one for each seed."""
    return seed.to_bytes(2, "big") + bytes(29) + b"\x01"


def text_of(public_key: bytes) -> str:
    """The key as the library writes it."""
    return base64.b64encode(public_key).decode()


def record(num: int, public_key: bytes = b"", **fields: Any) -> NodeRecord:
    return NodeRecord(num, public_key=public_key, **fields)


class BareInterface:
    """What the library offers of its nodes: two maps, filled with one dictionary a node."""

    def __init__(self, *nums: int) -> None:
        self.nodes: Any = {}
        self.nodesByNum: Any = {}
        for num in nums:
            self.hear(num)

    def hear(self, num: int, **user: str) -> None:
        """A NODEINFO packet, which replaces the user dictionary."""
        ident = f"!{num:08x}"
        node = self.nodesByNum.setdefault(num, {"num": num})
        node["user"] = {"id": ident, "longName": f"User {num:x}", **user}
        self.nodes[node["user"]["id"]] = node

    def key_of(self, num: int) -> str | None:
        return self.nodes[f"!{num:08x}"]["user"].get("publicKey")


def name_of(manager, num):
    """Return how a node manager's node is called."""
    row = manager.node(num)
    return (row and (row.long_name or row.short_name)) or f"!{num:08x}"


def prove(manager, num, public_key, packet_id=1, **details):
    """A direct message to our node from whoever has the private key."""
    values = {"packet_id": packet_id, "sender": num, "to": OWN, "channel": 0, "text": "/ping"}
    values |= {"pki_encrypted": True, "public_key": public_key} | details
    manager.hear_text(ReceivedText(TextMessage(**values), OWN))


def upgrade(manager, clock, old, public_key):
    """A node gets firmware 2.8 and proves its key; return its new number."""
    manager.learn_from_nodeinfo(record(old, public_key))
    clock.advance(SILENCE)
    new = number_of(public_key)
    manager.learn_from_nodeinfo(record(new, public_key))
    prove(manager, new, public_key)
    assert manager.moved[old] == new
    return new
