"""One TCP session, used once: one interface, one thread, and CLOSED is always its last event."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from queue import SimpleQueue

from meshbot.mesh_link.actions import Generation
from meshbot.mesh_link.connecting import KnownAddress, LinkTarget
from meshbot.mesh_link.failures import LinkFailure, failure_of
from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.messages import ClientWarning, OwnNode, QueueStatus
from meshbot.mesh_link.states import NO_EVIDENCE, Evidence, LinkEvent
from meshbot.runtime import Clock

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """What a session reports to its owner."""

    event: LinkEvent
    generation: Generation
    failure: LinkFailure | None = None  # belongs to FAILED and LOST
    evidence: Evidence = NO_EVIDENCE


Report = Callable[[SessionEvent], None]


def ignore(_seconds: float) -> None:
    """Take a round trip without using it."""


class _Request(Enum):
    PROBE = auto()
    NODES = auto()
    CLOSE = auto()


class MeshSession:
    """Connects at once in its thread TCP-Session-N; every method returns at once."""

    def __init__(  # noqa: PLR0917 - what a session needs, in the order it needs it
        self,
        generation: Generation,
        target: LinkTarget,
        clock: Clock,
        report: Report,
        on_queue_status: Callable[[QueueStatus], None],
        owner: object = None,
        on_round_trip: Callable[[float], None] = ignore,
        on_client_warning: Callable[[ClientWarning], object] = bool,
        on_own_node: Callable[[OwnNode], object] = bool,
        *,
        known: KnownAddress | None = None,
        without_nodes: bool = False,
    ) -> None:
        """`known` is the last address that worked; `without_nodes`: see MeshTCPInterface."""
        self.generation = generation
        self._clock = clock
        self._report = report
        self._on_queue_status = on_queue_status
        self._on_round_trip = on_round_trip
        self._on_client_warning = on_client_warning
        self._on_own_node = on_own_node
        # until its answer comes
        self._probed_at: float | None = None
        self._requests: SimpleQueue[_Request] = SimpleQueue()
        self._serving = False
        self.interface = MeshTCPInterface(
            target, self, clock.monotonic, owner, known=known, without_nodes=without_nodes
        )
        self._thread = threading.Thread(target=self._main, name=f"TCP-Session-{generation}", daemon=True)
        self._thread.start()

    def probe(self) -> None:
        """Ask for a heartbeat: costs no air time, and the node answers it by a queueStatus."""
        self._requests.put(_Request.PROBE)

    def fetch_nodes(self) -> None:
        """Ask for the nodes that the configuration left out; FETCHED reports them."""
        self._requests.put(_Request.NODES)

    def close(self) -> None:
        """Ask for the end; CLOSED reports it."""
        self._requests.put(_Request.CLOSE)
        if not self._serving:
            self.interface.cut("arrêté pendant la connexion")

    def abandon(self) -> None:
        """Cut the connection of a session that did not end in time; its thread ends when it can."""
        self.interface.cut("abandonné")

    def ended(self, timeout: float = 0.0) -> bool:
        """Return whether the thread has ended, after waiting at most `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self.interface.connect()
            self._serving = True
            self._serve()
        except OSError as exc:
            self._send_end(LinkEvent.FAILED, failure_of(exc))
        # whatever the library raised: the link is lost, the process is not
        except Exception as exc:
            LOGGER.exception("⚠️ Session TCP %d", self.generation)
            self._send_end(LinkEvent.FAILED, LinkFailure(detail=f"{type(exc).__name__}: {exc}"))
        finally:
            self.interface.close()
            self._send(LinkEvent.CLOSED)

    def _serve(self) -> None:
        while (request := self._clock.get(self._requests, inf)) is not _Request.CLOSE:
            if request is _Request.NODES:
                self.interface.fetch_nodes()
                continue
            self._probed_at = self._clock.monotonic()
            self.interface.sendHeartbeat()

    def _send(self, event: LinkEvent, failure: LinkFailure | None = None, evidence: Evidence = NO_EVIDENCE) -> None:
        self._report(SessionEvent(event, self.generation, failure, evidence))

    def _send_end(self, event: LinkEvent, failure: LinkFailure) -> None:
        self._send(event, failure, Evidence(ordered=self.interface.reboot_ordered))

    # -- LinkListener: called by the interface, on its reader's or this session's thread

    def accepted(self) -> None:
        """See LinkListener."""
        self._send(LinkEvent.ACCEPTED)

    def connected(self, *, answers_probes: bool) -> None:
        """See LinkListener."""
        interface = self.interface
        evidence = Evidence(answers_probes=answers_probes, boots=interface.boots, round_trip=interface.round_trip)
        self._send(LinkEvent.CONNECTED, evidence=evidence)

    def fetched(self) -> None:
        """See LinkListener."""
        self._send(LinkEvent.FETCHED)

    def restarted(self) -> None:
        """See LinkListener."""
        self._send(LinkEvent.RESTARTED, evidence=Evidence(ordered=self.interface.reboot_ordered))

    def lost(self, failure: LinkFailure) -> None:
        """See LinkListener."""
        self._send_end(LinkEvent.LOST, failure)

    def queue_status(self, packet_id: int, result: int) -> None:
        """See LinkListener."""
        if packet_id:
            self._on_queue_status(QueueStatus(packet_id, result))
            return
        self._send(LinkEvent.ANSWERED)
        probed_at, self._probed_at = self._probed_at, None
        if probed_at is not None:
            self._on_round_trip(self._clock.monotonic() - probed_at)

    def renumbered(self, own: OwnNode) -> None:
        """See LinkListener."""
        self._on_own_node(own)

    def client_warning(self, packet_id: int, text: str) -> None:
        """See LinkListener."""
        self._on_client_warning(ClientWarning(packet_id, text))
