"""How the library keeps a node: one dictionary, found by id in `nodes` and by number in `nodesByNum`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from meshbot.mesh_link import NodeRecord

Entry = dict[str, Any]
UNSET = "UNSET"  # the hardware model of a node that has not said its own


def put_key(nodes: MutableMapping[str, Entry], by_num: MutableMapping[int, Entry], record: NodeRecord) -> bool:
    """Make both maps hold one entry that carries `record`'s key; return whether anything had to change.

    The library's reader thread may change both maps meanwhile: single operations only, no iteration, and the user
    dictionary is replaced, never edited.
    """
    ident = f"!{record.num:08x}"
    key = base64.b64encode(record.public_key).decode("ascii")
    node = _entry(nodes, by_num, ident, record)
    user = node.get("user") or {}
    if nodes.get(ident) is node and user.get("publicKey") == key and user.get("id") == ident:
        return False
    node["user"] = {**user, "id": ident, "publicKey": key}
    nodes[ident] = node
    return True


def _entry(
    nodes: MutableMapping[str, Entry], by_num: MutableMapping[int, Entry], ident: str, record: NodeRecord
) -> Entry:
    """Return the one entry of the node, which `by_num` then holds."""
    known = by_num.get(record.num)
    if known is not None:
        return known
    # The library files an entry under the id that its sender claims: by id one may find another node's.
    same_id = nodes.get(ident)
    if same_id is None or same_id.get("num", record.num) != record.num:
        same_id = _new_entry(ident, record)
    return by_num.setdefault(record.num, same_id)  # the reader may have been first


def _new_entry(ident: str, record: NodeRecord) -> Entry:
    """Return what the library makes for a node of which it has only heard the number, under the names we know."""
    user = {
        "id": ident,
        "longName": record.long_name or f"Meshtastic {ident[-4:]}",
        "shortName": record.short_name or ident[-4:],
        "hwModel": record.hw_model or UNSET,
    }
    return {"num": record.num, "user": user}


def is_placeholder(record: NodeRecord) -> bool:
    """Return whether the names are those that library and firmware give to a node they know only by number."""
    return record.hw_model in {"", UNSET} and record.long_name == f"Meshtastic {record.num & 0xFFFF:04x}"
