"""Which nodes are forgotten when there is no room for another; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final

from meshbot.storage import DAY, KeyRow, KeySource, NodeRow

# What an operator has said, or an older bot's file, is not for strangers to push out
KEPT_SOURCES: Final = frozenset((KeySource.OPERATOR, KeySource.IMPORT))


@dataclass(frozen=True, slots=True)
class NodeActivity:
    """When nodes were heard, and which of them are never forgotten."""

    # seconds since 1970, by node, of the first and the last packet
    heard: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    # nodes with mail or a role, and our own
    kept: Collection[int] = frozenset()


def to_evict(nodes: Mapping[int, NodeRow], trusted: Mapping[int, KeyRow], known: NodeActivity, count: int) -> list[int]:
    """Return up to `count` nodes to forget, those first of which nothing was heard but one packet.

    Of these go first those without a key, then those whose key comes from a packet; the longest silent before others:
    each newcomer has the same time to be heard again.
    """

    def worth(num: int) -> tuple[int, int, int, int]:
        first, last = known.heard.get(num, (0, 0))
        key, span = trusted.get(num), last - first
        has_key = 0 if key is None else 2 if key.source is KeySource.NODEDB else 1
        return (span > 0) + (span >= DAY), has_key, span, last or nodes[num].last_update or 0

    candidates = [
        num for num in nodes if num not in known.kept and not (num in trusted and trusted[num].source in KEPT_SOURCES)
    ]
    return nsmallest(count, candidates, key=worth)
