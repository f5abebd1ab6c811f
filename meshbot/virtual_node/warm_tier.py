"""Firmware 2.8's memory of nodes that its database gave up: their keys outlive their entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# The firmware packs flags into the low bits of the time
TIME_MASK: Final = 0xFFFFFF80


@dataclass(frozen=True, slots=True)
class WarmNode:
    """What is kept of one node."""

    last_heard: int  # seconds since 1970, to 128 s
    public_key: bytes  # empty if it was not known
    role: int
    signs: bool  # a signature of it was verified


class WarmTier:
    """Keeps so many nodes; those with a key outrank those without, then the last heard."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._nodes: dict[int, WarmNode] = {}

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self._nodes)

    def resize(self, size: int) -> None:
        """Take the size of another firmware; 0 forgets everything."""
        self._size = size
        if len(self._nodes) > size:
            self._nodes.clear()

    def copy(self) -> dict[int, WarmNode]:
        """Return what is kept."""
        return dict(self._nodes)

    def restore(self, nodes: dict[int, WarmNode]) -> None:
        """Go back to what `copy` returned."""
        self._nodes = dict(nodes)

    def absorb(self, num: int, node: WarmNode) -> None:
        """Remember a node, in the place of a less worthy one if it is full."""
        if not self._size:
            return
        known = self._nodes.get(num)
        if known is not None and not node.public_key:
            node = WarmNode(node.last_heard, known.public_key, node.role, node.signs)
        if known is None and len(self._nodes) >= self._size:
            victim = min(self._nodes, key=lambda each: _worth(self._nodes[each]))
            if self._nodes[victim].public_key and not node.public_key:
                return
            del self._nodes[victim]
        self._nodes[num] = WarmNode(node.last_heard & TIME_MASK, node.public_key, node.role, node.signs)

    def take(self, num: int) -> WarmNode | None:
        """Remove a node that gets an entry again, and return it."""
        return self._nodes.pop(num, None)

    def get(self, num: int) -> WarmNode | None:
        """Return what is kept of a node."""
        return self._nodes.get(num)

    def clear(self) -> None:
        """Forget everything."""
        self._nodes.clear()


def _worth(node: WarmNode) -> tuple[bool, int]:
    return bool(node.public_key), node.last_heard
