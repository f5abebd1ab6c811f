"""What the other nodes of the mesh know of ours, and when their firmware introduces them by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Final

# Between two NODEINFOs of a node, whoever caused them; of a question's answer; and of answers to one node
SECONDS_BETWEEN_URGENT: Final = 60.0
SECONDS_BETWEEN: Final = 600.0
SECONDS_BETWEEN_ANSWERS: Final = 12 * 3600.0
START_DELAY: Final = 30.0  # seconds from a node's boot to its first NODEINFO


@dataclass(slots=True)
class Peer:
    """One of the other nodes. Times are monotonic seconds."""

    firmware: tuple[int, ...]
    our_keys: dict[int, bytes]  # the key that its database holds for our node, by our number, in order of learning
    introduced_at: float = -inf  # its last NODEINFO
    asked_at: dict[int, float] = field(default_factory=dict)  # the last question of a node for its NODEINFO

    def learn(self, num: int, public_key: bytes) -> None:
        """Hear our NODEINFO; a key that is known already is not replaced."""
        if not self.our_keys.get(num):
            self.our_keys.pop(num, None)
            self.our_keys[num] = public_key

    def introduces_itself(self, now: float) -> bool:
        """Whether it sends its NODEINFO on an answer PKI_UNKNOWN_PUBKEY; if so, it is counted."""
        return self._introduces(now, SECONDS_BETWEEN_URGENT)

    def answers(self, num: int, now: float) -> bool:
        """Whether it answers a NODEINFO with want_response; each question starts the 12 h of its sender anew."""
        asked_at = self.asked_at.get(num, -inf)
        self.asked_at[num] = now
        return now - asked_at >= SECONDS_BETWEEN_ANSWERS and self._introduces(now, SECONDS_BETWEEN)

    def _introduces(self, now: float, pause: float) -> bool:
        if now - self.introduced_at < pause:
            return False
        self.introduced_at = now
        return True


class Peers:
    """The other nodes by number; each holds our key from the start."""

    def __init__(self, num: int, public_key: bytes, firmware: tuple[int, ...]) -> None:
        """`num` and `public_key` are ours; `firmware` is the version of those of which nothing else is said."""
        self._first = {num: public_key}
        self._firmware = firmware
        self._peers: dict[int, Peer] = {}

    def get(self, num: int) -> Peer:
        """Return what there is to know of a node."""
        if num not in self._peers:
            self._peers[num] = Peer(self._firmware, dict(self._first))
        return self._peers[num]

    def hear(self, nums: list[int], our_num: int, our_key: bytes) -> None:
        """Let these nodes hear our NODEINFO."""
        for num in nums:
            self.get(num).learn(our_num, our_key)

    def renumber(self, old: int, new: int) -> None:
        """Let a node be known under another number; what it asked and answered is forgotten by its reboot."""
        peer = self._peers.pop(old, None) or self.get(old)
        self._peers[new] = Peer(peer.firmware, peer.our_keys)
