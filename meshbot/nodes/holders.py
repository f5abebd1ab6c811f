"""Which nodes have which trusted key; pure.

Anybody can announce one key under any number of nodes, so a change costs the same however many have it.
"""

from __future__ import annotations

from meshbot.nodes.identity import number_of


class Holders:
    """Nodes by key, and which keys several have."""

    def __init__(self) -> None:
        # one node, or those that share it in the order in which they came
        self._nodes: dict[bytes, int | tuple[int, ...]] = {}
        self.shared: set[bytes] = set()
        # keys by the number that firmware from 2.8 on gives to their node
        self._by_number: dict[int, bytes] = {}

    def of(self, key: bytes) -> tuple[int, ...]:
        """Return the nodes whose trusted key this is."""
        found = self._nodes.get(key, ())
        return (found,) if isinstance(found, int) else found

    def key_for(self, num: int) -> bytes | None:
        """Return the known key from which this number follows, if there is one."""
        return self._by_number.get(num)

    def is_misnumbered(self, num: int, key: bytes) -> bool:
        """Return whether the number follows from another key that is known: it is that node's after its upgrade.

        Everybody can compute it, and announce a key of their own under it in advance.
        """
        owner = self.key_for(num)
        return owner is not None and owner != key

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
            self._by_number[number_of(key)] = key
        else:
            self._nodes.pop(key, None)
            if self._by_number.get(number_of(key)) == key:
                del self._by_number[number_of(key)]
        return was_shared or is_shared
