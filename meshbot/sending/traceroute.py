"""Traceroutes: asked for through Mesh-Sender, waited for where they are asked, matched by their packet's id."""

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

# seconds between two: the firmware's limit of 30, and a little for the way to it; a sooner one it drops in silence
TRACE_EVERY: Final = 31.0
TRACE_TIMEOUT: Final = 60.0  # seconds; seven hops there and back on a slow preset take most of them


class NoRoute(Enum):
    """Why there is none."""

    NO_LINK = "pas de lien"
    REFUSED = "refusé par le nœud"
    UNHEARD = "relayé par personne"
    SILENT = "sans réponse"
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
    """For Mesh-Sender: a traceroute to send at once, or not at all; `not_sent(packet_id, reason)` tells why."""

    packet_id: int
    to: int
    not_sent: Callable[[int, NoRoute], object]


class Tracer:
    """Any thread. One traceroute in TRACE_EVERY seconds; what comes for it only goes into an inbox."""

    def __init__(self, clock: Clock, send: Callable[[RouteRequest], object], new_id: Callable[[], int]) -> None:
        """`send` only puts into Mesh-Sender's inbox; `new_id` returns a fresh packet id, never 0."""
        self._clock = clock
        self._send = send
        self._new_id = new_id
        self._lock = threading.Lock()  # protects what follows
        self._next_at = -inf
        self._stopped = False
        self._awaited: dict[int, SimpleQueue[TracerouteReply | NoRoute]] = {}  # by packet id

    def trace(self, num: int) -> TracerouteReply:
        """Return the way to a node and back, after TRACE_TIMEOUT seconds at most. Raises TooSoonError, NoRouteError."""
        packet_id, inbox = self._new_id(), SimpleQueue[TracerouteReply | NoRoute]()
        now = self._clock.monotonic()
        with self._lock:
            if self._stopped:
                raise NoRouteError(NoRoute.NO_LINK)
            if now < self._next_at:
                raise TooSoonError(ceil(self._next_at - now))
            self._next_at = now + TRACE_EVERY
            self._awaited[packet_id] = inbox
        try:
            self._send(RouteRequest(packet_id, num, self._not_sent))
            found = self._wait(inbox, num, now + TRACE_TIMEOUT)
        finally:
            with self._lock:
                del self._awaited[packet_id]
        if isinstance(found, NoRoute):
            raise NoRouteError(found)
        return found

    def stop(self) -> None:
        """Release all who wait; nobody waits again."""
        with self._lock:
            self._stopped = True
            waiting = list(self._awaited.values())
        for inbox in waiting:
            inbox.put(NoRoute.NO_LINK)

    def route_heard(self, route: TracerouteReply) -> None:
        """Take a traceroute's answer."""
        self._tell(route.request_id, route)

    def routing_answer(self, answer: RoutingAnswer) -> None:
        """Take what ROUTING_APP says of any packet of ours: an error is the end of a traceroute."""
        if answer.error != "NONE":  # the firmware itself asks for the acknowledgement of a traceroute
            unheard = answer.error == "MAX_RETRANSMIT"
            self._tell(answer.request_id, NoRoute.UNHEARD if unheard else NoRoute.REFUSED)

    def queue_status(self, status: QueueStatus) -> None:
        """Take the node's word on any packet of ours."""
        if status.result:
            self._tell(status.packet_id, NoRoute.REFUSED)

    def objection(self, objection: ClientWarning) -> None:
        """Take what the node has against a packet of ours: of a traceroute that comes too soon it says no more."""
        self._tell(objection.packet_id, NoRoute.REFUSED)

    def _not_sent(self, packet_id: int, reason: NoRoute) -> None:
        with self._lock:
            self._next_at = -inf  # the node has seen none
        self._tell(packet_id, reason)

    def _tell(self, packet_id: int, word: TracerouteReply | NoRoute) -> None:
        with self._lock:
            inbox = self._awaited.get(packet_id)
        if inbox is not None:
            inbox.put(word)

    def _wait(self, inbox: SimpleQueue[TracerouteReply | NoRoute], num: int, until: float) -> TracerouteReply | NoRoute:
        while (word := self._clock.get(inbox, until)) is not None:
            if isinstance(word, NoRoute) or word.sender == num:  # else somebody else's word for it
                return word
        return NoRoute.SILENT
