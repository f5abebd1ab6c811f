"""The radio's own node database, as its configuration showed it and as it was changed since."""

from __future__ import annotations

from collections.abc import Mapping

from meshbot.mesh_link.messages import NodeRecord


class RadioDatabase:
    """Filled by the interface's reader; any thread may ask. Not the library's nodes, which the bot changes."""

    def __init__(self, *, is_whole: bool) -> None:
        """`is_whole`: the configuration comes with the other nodes."""
        # the other nodes are there as well, once the configuration is
        self.is_whole = is_whole
        self._keys: dict[int, bytes] = {}
        self._favourites: set[int] = set()
        self._nums: set[int] = set()

    def clear(self) -> None:
        """Begin again: the configuration comes anew."""
        self._keys, self._favourites, self._nums = {}, set(), set()

    def take(self, record: NodeRecord, *, is_favourite: bool) -> None:
        """Take in one node of the configuration."""
        self._nums.add(record.num)
        if record.public_key:
            self._keys[record.num] = record.public_key
        if is_favourite:
            self._favourites.add(record.num)

    def set_key(self, num: int, key: bytes) -> None:
        """Note that the radio now has this key of a node; empty: none."""
        if key:
            self._keys[num] = key
        else:
            self._keys.pop(num, None)

    def learn(self, num: int, key: bytes) -> None:
        """Note that the radio has heard a node introduce itself: it keeps a key that it has."""
        if key:
            self._keys.setdefault(num, key)

    @property
    def keys(self) -> Mapping[int, bytes]:
        """The public keys by node; a snapshot."""
        return self._keys.copy()

    @property
    def favourites(self) -> frozenset[int]:
        """The nodes that its operator has marked so, as of the configuration."""
        return frozenset(self._favourites.copy())

    def lacks_key(self, num: int) -> bool:
        """Whether it surely has no key of a node."""
        return self.is_whole and num not in self._keys

    def __len__(self) -> int:
        """Return how many nodes the configuration had, our own included."""
        return len(self._nums)
