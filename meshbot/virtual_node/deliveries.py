"""The users' direct messages to our node: sent again by their firmware until an answer comes, or given up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.scheduler import Scheduler

Error = mesh_pb2.Routing.Error
MAX_RETRANSMIT_AFTER: Final = 23.0  # seconds: so many transmissions without an answer
TRANSMISSIONS: Final = 3
KEPT: Final = 5_000  # messages


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a user's node knows of a message that it sent."""

    transmissions: int = 0
    error: str = ""  # the Routing.Error that it shows, NONE for an acknowledgement, "" as long as it waits
    is_implicit: bool = False  # it only heard another node repeat the message


class Deliveries:
    """Sends what nobody answers again. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._scheduler = Scheduler()
        self._known: OrderedDict[int, Delivery] = OrderedDict()

    @property
    def due(self) -> float:
        """When `run` has something to do; inf for never."""
        return self._scheduler.due

    def get(self, packet_id: int) -> Delivery:
        """Return what became of a message so far."""
        return self._known.get(packet_id, Delivery())

    def run(self, now: float) -> None:
        """Send again what is due."""
        self._scheduler.run(now)

    def send(self, packet_id: int, transmit: Callable[[float], None], now: float, *, is_relayed: bool) -> None:
        """Send a message that is to be acknowledged; `is_relayed`: its sender hears another node repeat it."""
        self._known.pop(packet_id, None)
        self._known[packet_id] = Delivery()
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        if not is_relayed:
            pause = MAX_RETRANSMIT_AFTER / TRANSMISSIONS
            for again in range(1, TRANSMISSIONS):
                self._scheduler.at(now + again * pause, lambda later: self._transmit(packet_id, transmit, later))
            self._scheduler.at(now + MAX_RETRANSMIT_AFTER, lambda _: self.settle(packet_id, Error.MAX_RETRANSMIT))
        self._transmit(packet_id, transmit, now)
        if is_relayed and not self.get(packet_id).error:
            self._known[packet_id] = replace(self.get(packet_id), error="NONE", is_implicit=True)

    def refuse(self, packet_id: int, error: int) -> None:
        """Note a message that never left its sender's node."""
        self._known[packet_id] = Delivery(0, Error.Name(error))

    def settle(self, packet_id: int, error: int) -> None:
        """Let the sender hear an ACK (Routing.Error.NONE) or a NAK: it sends no more; the first one counts."""
        found = self._known.get(packet_id)
        if found is not None and (not found.error or found.is_implicit):
            self._known[packet_id] = replace(found, error=Error.Name(error), is_implicit=False)

    def _transmit(self, packet_id: int, transmit: Callable[[float], None], now: float) -> None:
        found = self._known.get(packet_id)
        if found is None or found.error:
            return
        self._known[packet_id] = replace(found, transmissions=found.transmissions + 1)
        transmit(now)
