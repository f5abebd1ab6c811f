"""A visit to the node for the doctor: connect, take the configuration, ask one heartbeat, leave; all of it timed."""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

from meshbot.mesh_link.connecting import LinkTarget
from meshbot.mesh_link.failures import LinkFailure, failure_of
from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.node_report import NodeReport, report_of
from meshbot.runtime import Clock, LinkCause

# Seconds for the heartbeat's answer; as long is looked whether another client takes the node
WATCH: Final = 3.0
# Seconds after the answer: a client that was thrown out comes back after one
LINGER: Final = 1.5


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of it; seconds, None for what did not come."""

    connected: float | None = None
    first_byte: float | None = None
    configured: float | None = None
    round_trip: float | None = None
    bytes: int = 0
    report: NodeReport | None = None
    failure: LinkFailure | None = None
    took: float = 0.0


class _Answered:
    """The heartbeat's answer."""


class _Configured:
    """The whole configuration."""


def visit(target: LinkTarget, clock: Clock, patience: float) -> Visit:
    """Visit the node, which throws any other client out; `patience` is in seconds for the whole configuration."""
    listener = _Listener()
    began = clock.monotonic()
    interface = MeshTCPInterface(target, listener, clock.monotonic)
    connected = configured = round_trip = None
    report: NodeReport | None = None
    try:
        interface.connect()
        connected = clock.monotonic() - began
        if listener.wait(clock, began + connected + patience, _Configured):
            configured = clock.monotonic() - began
            report = report_of(interface)
            asked = clock.monotonic()
            interface.sendHeartbeat()
            if listener.wait(clock, asked + WATCH, _Answered):
                round_trip = clock.monotonic() - asked
                listener.wait(clock, clock.monotonic() + LINGER, _Configured)
    except OSError as exc:
        listener.failure = listener.failure or failure_of(exc)
    finally:
        failure, took, count = listener.failure, clock.monotonic() - began, interface.received
        interface.close()
    first = interface.round_trip if count else None
    return Visit(connected, first, configured, round_trip, count, report, failure, took)


class _Listener:
    """See LinkListener."""

    def __init__(self) -> None:
        self._inbox: SimpleQueue[object] = SimpleQueue()
        self.failure: LinkFailure | None = None

    def wait(self, clock: Clock, deadline: float, wanted: type) -> bool:
        """Wait until that comes; return whether it did before the deadline and the connection's end."""
        while self.failure is None and (each := clock.get(self._inbox, deadline)) is not None:
            if isinstance(each, LinkFailure):
                self.failure = each
            elif isinstance(each, wanted):
                return True
        return False

    def accepted(self) -> None:
        """See LinkListener."""

    def connected(self, *, answers_probes: bool) -> None:  # noqa: ARG002 - the heartbeat itself tells
        """See LinkListener."""
        self._inbox.put(_Configured())

    def fetched(self) -> None:
        """See LinkListener."""

    def restarted(self) -> None:
        """See LinkListener."""
        self._inbox.put(LinkFailure(LinkCause.CLOSED, "le nœud redémarre"))

    def renumbered(self, own: object) -> None:
        """See LinkListener."""

    def lost(self, failure: LinkFailure) -> None:
        """See LinkListener."""
        self._inbox.put(failure)

    def queue_status(self, packet_id: int, result: int) -> None:  # noqa: ARG002 - of a heartbeat, always 0
        """See LinkListener."""
        if not packet_id:
            self._inbox.put(_Answered())

    def client_warning(self, packet_id: int, text: str) -> None:
        """See LinkListener."""
