"""Which outages of the link and which restarts of its node are reported to the operator."""

from __future__ import annotations

from typing import Protocol

from meshbot.mesh_link.failures import LinkFailure
from meshbot.runtime import LinkLost, LinkRecovered, NodeLocked, NodeRebooted, NodeUnlocked, Report


class NodeInterface(Protocol):
    """A connection's node."""

    own_num: int
    reboot_ordered: bool  # over this connection, by an operator

    @property
    def boots(self) -> int:
        """The node's count of its restarts; 0: it keeps none."""

    @property
    def firmware(self) -> str:
        """The version, empty if unknown."""


class OutageReporter:
    """Follows one link in one thread and reports incidents; see runtime.incidents."""

    def __init__(self, node: str, report: Report) -> None:
        """`node` is the address, as host:port."""
        # the last loss or failed attempt
        self.failure = LinkFailure()
        self._node = node
        self._report = report
        self._lost = self._is_locked = False
        # number, boots and firmware at the last READY
        self._known: tuple[int, int, str] | None = None
        # over the connection that ended last
        self._ordered = False

    def lost(self, failures: int, outage: float) -> None:
        """Take an outage that is worth an alert, in seconds so far."""
        self._lost = True
        self._report(LinkLost(self._node, outage, failures, self.failure.cause, str(self.failure)))

    def dropped(self, interface: NodeInterface) -> None:
        """Take the end of a READY link."""
        self._ordered = interface.reboot_ordered

    def ready(self, outage: float, interface: NodeInterface, *, restarted: bool) -> None:
        """Take a link that is READY; `restarted` when the node reported its reboot on the same connection."""
        self._recovered(outage)
        if self._is_locked:
            self._is_locked = False
            self._report(NodeUnlocked())
        self._look_for_reboot(interface, restarted=restarted)

    def locked(self, outage: float) -> None:
        """Take a link that is up, to a node in lockdown."""
        self._recovered(outage)
        if not self._is_locked:
            self._is_locked = True
            self._report(NodeLocked())

    def _recovered(self, outage: float) -> None:
        if self._lost:
            self._lost = False
            self._report(LinkRecovered(outage))

    def _look_for_reboot(self, interface: NodeInterface, *, restarted: bool) -> None:
        known, self._known = self._known, (interface.own_num, interface.boots, interface.firmware)
        # the first look, or another node in its place
        if known is None or known[0] != interface.own_num:
            return
        counted = 0 not in {known[1], interface.boots}
        if known[1] != interface.boots if counted else restarted:
            self._report(NodeRebooted(interface.boots, self._ordered, interface.firmware, known[2]))
