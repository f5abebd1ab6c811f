"""What one connection reports to its owner."""

from __future__ import annotations

from typing import Protocol

from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.messages import OwnNode


class LinkListener(Protocol):
    """What an interface reports, from any thread; each call only puts into an inbox."""

    def accepted(self) -> None:
        """The TCP connection stands."""

    def connected(self, *, answers_probes: bool) -> None:
        """Our configuration request is complete and our own node is known."""

    def fetched(self) -> None:
        """The other nodes have come, which the configuration had left out."""

    def restarted(self) -> None:
        """The node reported a reboot on the same connection: the library requests its configuration again."""

    def lost(self, failure: LinkFailure) -> None:
        """The reader has ended; nothing comes any more."""

    def queue_status(self, packet_id: int, result: int) -> None:
        """The node answered a packet (or a heartbeat: packet id 0)."""

    def renumbered(self, own: OwnNode) -> None:
        """Our own node has another number, over the same connection."""

    def client_warning(self, packet_id: int, text: str) -> None:
        """The node complains in text for people, about a packet of ours unless the id is 0."""
