"""Which nodes have which trusted key; pure.

Anybody can announce one key under any number of nodes, so a change costs the same however many have it.
"""

from __future__ import annotations


class Holders:
    """Nodes by key, and which keys several have."""

    def __init__(self) -> None:
        # one node, or those that share it in the order in which they came
        self._nodes: dict[bytes, int | tuple[int, ...]] = {}
        self.shared: set[bytes] = set()

    def of(self, key: bytes) -> tuple[int, ...]:
        """Return the nodes whose trusted key this is."""
        found = self._nodes.get(key, ())
        return (found,) if isinstance(found, int) else found

    def add(self, key: bytes, num: int) -> bool:
        """Take that a node has this key; return whether others have it as well."""
        return self._set(key, (*self.of(key), num))

    def remove(self, key: bytes, num: int) -> bool:
        """Take that a node has it no longer; return whether others had or have it."""
        nums = self.of(key)
        place = nums.index(num)
        return self._set(key, nums[:place] + nums[place + 1 :])

    def _set(self, key: bytes, nums: tuple[int, ...]) -> bool:
        was_shared, is_shared = key in self.shared, len(nums) > 1
        (self.shared.add if is_shared else self.shared.discard)(key)
        if nums:
            self._nodes[key] = nums if is_shared else nums[0]
        else:
            self._nodes.pop(key, None)
        return was_shared or is_shared
