"""Traceroutes: sent by the thread Mesh-Sender, awaited on the caller's thread, matched by packet id."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import ceil, inf
from queue import SimpleQueue
from typing import Final

from meshbot.mesh_link import ClientWarning, QueueStatus, RoutingAnswer, TracerouteReply
from meshbot.runtime import Clock, MeshBotError
from meshbot.sending.retry_policy import may_answer

# Seconds between two: the firmware's limit of 30, and a little for the way to it; a sooner one gets no answer
TRACE_EVERY: Final = 31.0
# Seconds; seven hops there and back on a slow preset take most of them
TRACE_TIMEOUT: Final = 60.0


class NoRoute(Enum):
    """Why no route came back; the values are the log's words."""

    NO_LINK = "pas de lien"
    REFUSED = "refusé par le nœud"
    NOT_RELAYED = "relayé par personne"
    TIMEOUT = "sans réponse"
    BUSY = "canal occupé"


class NoRouteError(MeshBotError):
    """No route came back."""

    def __init__(self, reason: NoRoute) -> None:
        super().__init__(reason.value)
        self.reason = reason


class TooSoonError(MeshBotError):
    """The node would drop it; `seconds` are left to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"encore {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """For Mesh-Sender: a traceroute to send at once, or not at all: then it calls `not_sent(packet_id, reason)`."""

    packet_id: int
    to: int
    not_sent: Callable[[int, NoRoute], object]
    for_stranger: bool = False  # see OutgoingText


class Tracer:
    """Any thread may call it. One traceroute in TRACE_EVERY seconds; answers only go into an inbox."""

    def __init__(self, clock: Clock, send: Callable[[RouteRequest], object], new_id: Callable[[], int]) -> None:
        """`send` only puts into Mesh-Sender's inbox; `new_id` returns a fresh packet id, never 0."""
        self._clock = clock
        self._send = send
        self._new_id = new_id
        self._lock = threading.Lock()  # protects what follows
        self._next_at = -inf
        self._stopped = False
        self._pending: dict[int, tuple[int, SimpleQueue[TracerouteReply | NoRoute]]] = {}  # by packet id: whose route

    def trace(self, num: int, *, for_stranger: bool = False) -> TracerouteReply:
        """Return the route to a node and back within TRACE_TIMEOUT seconds. Raises TooSoonError, NoRouteError."""
        packet_id, inbox = self._new_id(), SimpleQueue[TracerouteReply | NoRoute]()
        now = self._clock.monotonic()
        with self._lock:
            if self._stopped:
                raise NoRouteError(NoRoute.NO_LINK)
            if now < self._next_at:
                raise TooSoonError(ceil(self._next_at - now))
            self._next_at = now + TRACE_EVERY
            self._pending[packet_id] = num, inbox
        try:
            self._send(RouteRequest(packet_id, num, self._not_sent, for_stranger))
            found = self._wait(inbox, num, now + TRACE_TIMEOUT)
        finally:
            with self._lock:
                del self._pending[packet_id]
        if isinstance(found, NoRoute):
            raise NoRouteError(found)
        return found

    def stop(self) -> None:
        """End every wait; `trace` raises NoRouteError from now on."""
        with self._lock:
            self._stopped = True
            waiting = list(self._pending.values())
        for _, inbox in waiting:
            inbox.put(NoRoute.NO_LINK)

    def traceroute_reply(self, route: TracerouteReply) -> None:
        """Take a traceroute's answer."""
        self._deliver(route.request_id, route)

    def routing_answer(self, answer: RoutingAnswer) -> None:
        """Take a ROUTING_APP answer to any packet of ours: an error ends a traceroute."""
        with self._lock:
            target, _ = self._pending.get(answer.request_id, (None, None))
        # the firmware itself asks for an acknowledgement of a traceroute: NONE is no answer yet
        if answer.error != "NONE" and target is not None and may_answer(answer, target):
            not_relayed = answer.error == "MAX_RETRANSMIT"
            self._deliver(answer.request_id, NoRoute.NOT_RELAYED if not_relayed else NoRoute.REFUSED)

    def queue_status(self, status: QueueStatus) -> None:
        """Take the node's answer to any packet of ours."""
        if status.result:
            self._deliver(status.packet_id, NoRoute.REFUSED)

    def client_warning(self, warning: ClientWarning) -> None:
        """Take the node's warning about a packet of ours: it is the only answer to a traceroute that comes too soon."""
        self._deliver(warning.packet_id, NoRoute.REFUSED)

    def _not_sent(self, packet_id: int, reason: NoRoute) -> None:
        with self._lock:
            # the node has received none
            self._next_at = -inf
        self._deliver(packet_id, reason)

    def _deliver(self, packet_id: int, result: TracerouteReply | NoRoute) -> None:
        with self._lock:
            _, inbox = self._pending.get(packet_id, (None, None))
        if inbox is not None:
            inbox.put(result)

    def _wait(self, inbox: SimpleQueue[TracerouteReply | NoRoute], num: int, until: float) -> TracerouteReply | NoRoute:
        while (result := self._clock.get(inbox, until)) is not None:
            # another node may claim to answer for it
            if isinstance(result, NoRoute) or result.sender == num:
                return result
        return NoRoute.TIMEOUT
