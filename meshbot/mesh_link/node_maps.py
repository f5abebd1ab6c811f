"""The library's maps of nodes while packets come: bounded, and each node under its own number's id alone.

The library makes an entry for the sender of every packet and never removes it, and files it under whatever id a
NODEINFO claims (link_facts §4): a stranger could fill the memory, or stand in another node's place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import MutableMapping
from typing import Any, Final

# Senders that our node's database did not list, 1 kB each; those heard longest ago are forgotten
NEWCOMERS_KEPT: Final = 2000

Entry = dict[str, Any]


class NodeMaps:
    """For the reader's thread, and one configuration."""

    def __init__(self, kept: int) -> None:
        """Keep so many senders that are not listed."""
        self._kept = kept
        # oldest first
        self._newcomers: OrderedDict[int, None] = OrderedDict()

    def listed(self, num: int) -> None:
        """Note a node of our node's database: it stays."""
        self._newcomers.pop(num, None)

    def heard(
        self, num: int, nodes: MutableMapping[str, Entry], by_num: MutableMapping[int, Entry], *, is_new: bool
    ) -> None:
        """Put a packet's sender in order; `is_new`: its entry did not exist before.

        Other threads read both maps: single operations only.
        """
        entry = by_num.get(num)
        if entry is None:
            return
        # the whole packet, 3 kB, which no part uses
        entry.pop("lastReceived", None)
        _file_by_number(num, entry, nodes, by_num)
        if is_new or num in self._newcomers:
            self._newcomers[num] = None
            self._newcomers.move_to_end(num)
        if len(self._newcomers) > self._kept:
            gone, _ = self._newcomers.popitem(last=False)
            by_num.pop(gone, None)
            nodes.pop(ident(gone), None)


def _file_by_number(
    num: int, entry: Entry, nodes: MutableMapping[str, Entry], by_num: MutableMapping[int, Entry]
) -> None:
    user = entry.get("user") or {}
    claimed, own = user.get("id", ""), ident(num)
    if claimed == own:
        return
    if nodes.get(claimed) is entry:
        rightful = by_num.get(_number(claimed))
        if rightful is None:
            nodes.pop(claimed, None)
        else:
            nodes[claimed] = rightful
    entry["user"] = {**user, "id": own}
    nodes[own] = entry


def ident(num: int) -> str:
    """Return the id that the firmware gives a node, as `!a1b2c3d4`."""
    return f"!{num:08x}"


def _number(claimed: str) -> int:
    """Return the number of an id, 0, which is no node's, for a text that is none."""
    try:
        return int(claimed.removeprefix("!"), 16)
    except ValueError:
        return 0
