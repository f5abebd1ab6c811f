"""The library's nodes: one dictionary each, found by id in `interface.nodes` and by number in `nodesByNum`."""

from __future__ import annotations

import base64
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from meshbot.storage import NodeRow

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from meshbot.mesh_link import NodeRecord
    from meshbot.nodes.node_rows import NodeReport

Entry = dict[str, Any]
# the hardware model of a node that has not sent its own
UNSET = "UNSET"


def reported_by_radio(record: NodeRecord) -> NodeReport:
    """Return what a record of the radio says of a node, and its key; placeholders say nothing."""
    named = not is_placeholder(record)
    row = NodeRow(
        record.num,
        long_name=record.long_name if named else "",
        short_name=record.short_name if named else "",
        hw_model="" if record.hw_model == UNSET else record.hw_model,
        role=record.role,
        latitude=record.latitude,
        longitude=record.longitude,
        altitude=record.altitude,
        unmessagable=record.unmessagable if named else None,
    )
    return row, record.public_key


def is_placeholder(record: NodeRecord) -> bool:
    """Return whether the names are those that library and firmware give to a node they know only by number."""
    return record.hw_model in {"", UNSET} and record.long_name == f"Meshtastic {record.num & 0xFFFF:04x}"


def sync_keys(interface: Any, nodes: MutableMapping[str, Entry], keyed: Iterable[tuple[NodeRow, bytes]]) -> int:
    """Put each node's key into `nodes`, which are the interface's, and into its `nodesByNum`; return the changes.

    Raises whatever the library's dictionaries raise.
    """
    by_num = getattr(interface, "nodesByNum", None)
    # An interface without it is served by id alone
    if not isinstance(by_num, dict):
        by_num = {}
    return sum(put_key(nodes, by_num, row, key) for row, key in keyed)


def put_key(nodes: MutableMapping[str, Entry], by_num: MutableMapping[int, Entry], row: NodeRow, key: bytes) -> bool:
    """Make both maps hold one entry that carries the node's key; return whether anything had to change.

    The library's reader thread may change both maps meanwhile: single operations only, no iteration, and the user
    dictionary is replaced, never edited.
    """
    ident = f"!{row.num:08x}"
    text = base64.b64encode(key).decode("ascii")
    node = _entry(nodes, by_num, ident, row)
    user = node.get("user") or {}
    if nodes.get(ident) is node and user.get("publicKey") == text and user.get("id") == ident:
        return False
    node["user"] = {**user, "id": ident, "publicKey": text}
    nodes[ident] = node
    return True


def _entry(nodes: MutableMapping[str, Entry], by_num: MutableMapping[int, Entry], ident: str, row: NodeRow) -> Entry:
    """Return the one entry of the node, which `by_num` then holds."""
    known = by_num.get(row.num)
    if known is not None:
        return known
    # The library files an entry under the id that its sender claims: by id one may find another node's.
    same_id = nodes.get(ident)
    if same_id is None or same_id.get("num", row.num) != row.num:
        same_id = _new_entry(ident, row)
    # The reader may have been first
    return by_num.setdefault(row.num, same_id)


def _new_entry(ident: str, row: NodeRow) -> Entry:
    """Return what the library makes for a node of which it has only heard the number, under the names we know."""
    user = {
        "id": ident,
        "longName": row.long_name or f"Meshtastic {ident[-4:]}",
        "shortName": row.short_name or ident[-4:],
        "hwModel": row.hw_model or UNSET,
    }
    return {"num": row.num, "user": user}


class LastSync:
    """Which interface's nodes were synced last, and at which revision of the keys."""

    def __init__(self) -> None:
        self._nodes: Any = None
        self._revision = 0
        self._interface: weakref.ref[Any] | None = None

    @property
    def is_done(self) -> bool:
        """Whether there was one, of an interface that still exists."""
        return self._nodes is not None

    def is_of(self, interface: Any, revision: int) -> bool:
        """Return whether it was of these nodes at this revision. Raises nothing."""
        if self._nodes is None or self._revision != revision:
            return False
        # A restarted configuration replaces the dictionary, so its identity tells about both
        try:
            return getattr(interface, "nodes", None) is self._nodes
        except Exception:  # noqa: BLE001 - the sync itself meets it again, and reports it
            return False

    def remember(self, interface: Any, nodes: Any, revision: int) -> None:
        """Note a sync; it is forgotten with the interface, whose nodes are megabytes."""
        self._nodes, self._revision = nodes, revision
        # Not every object can be referred to weakly
        with suppress(TypeError):
            self._interface = weakref.ref(interface, self._forget_dead)

    def forget(self) -> None:
        """Have the next sync done in any case."""
        self._nodes = None

    def _forget_dead(self, interface: weakref.ref[Any]) -> None:
        if interface is self._interface:
            self._nodes = None
