"""What waits to go on air: pacing, confirmation, repetition; pure, and the only place that decides them.

The node drops a second text within 2 s in silence, and a repeated packet id too (link_facts §11). So one packet is
under way at a time, the next goes `interval` after the node confirmed it, and a packet without confirmation is sent
again with the same id: the node that had it drops the copy, the one that had not sends it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from math import inf

from mesh_link.text import split_text

CONFIRM_TIMEOUT = 10.0  # seconds for a queueStatus; an ESP32 can stall 10 s in one write (link_facts §7)
SENDS_PER_LINK = 3  # of one packet without confirmation on one link, then it waits for the next link
REFUSAL_WAITS = (5.0, 10.0, 20.0)  # seconds before another try once the radio's queue was full
ACK_TIMEOUT = 120.0  # seconds to keep an id for the acknowledgement's log line
TRANSIENT_RESULTS = frozenset({32})  # ErrorCode: the radio's transmit queue is full


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """One text for one destination, before it is cut into packets."""

    text: str
    to: int  # node number, BROADCAST_NUM for everybody on the channel
    channel: int = 0
    reply_id: int = 0  # packet id of the question, 0 for none
    want_ack: bool = False
    expires_at: float = inf  # monotonic seconds


@dataclass(frozen=True, slots=True)
class TextPacket:
    """One packet ready for the radio."""

    packet_id: int
    text: str
    to: int
    channel: int
    reply_id: int
    want_ack: bool


class Fate(Enum):
    """How a packet's story went on; each is said in the log."""

    ACCEPTED = "acceptée par le nœud"
    ACKNOWLEDGED = "acquittée par le destinataire"
    RELAYED = "relayée par un voisin"
    REFUSED = "refusée par le nœud"
    FAILED = "non remise"
    EXPIRED = "expirée avant l'envoi"
    UNCONFIRMED = "sans confirmation du nœud"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one packet; `detail` is the node's error name or number, or empty."""

    packet: TextPacket
    fate: Fate
    detail: str = ""


@dataclass(slots=True)
class _Entry:
    packet: TextPacket
    expires_at: float
    refusals: int = 0
    sends: int = 0  # on the present link, under the present id
    ever_sent: bool = False  # under the present id: the node may have it


@dataclass(slots=True)
class _Awaited:
    packet: TextPacket
    until: float


@dataclass(slots=True)
class Outbox:
    """Packets in order, at most one unconfirmed. Times are monotonic seconds."""

    interval: float  # seconds between the node's confirmation of one packet and the next packet
    limit: int  # bytes of UTF-8 a packet
    new_id: Callable[[], int]  # a fresh packet id, never 0
    _queue: deque[_Entry] = field(default_factory=deque)
    _under_way: _Entry | None = None
    _confirm_by: float = inf
    _slot: float = -inf  # the next packet may go from here
    _link_up: bool = False
    _awaited: dict[int, _Awaited] = field(default_factory=dict)  # by packet id, for acknowledgements

    def __len__(self) -> int:
        """Return how many packets are not confirmed by the node yet."""
        return len(self._queue) + (self._under_way is not None)

    def add(self, message: OutgoingText) -> list[TextPacket]:
        """Queue a text, cut into packets; return them."""
        packets = [
            TextPacket(self.new_id(), part, message.to, message.channel, message.reply_id, message.want_ack)
            for part in split_text(message.text, self.limit)
        ]
        self._queue.extend(_Entry(packet, message.expires_at) for packet in packets)
        return packets

    def link_up(self) -> None:
        """Packets may flow (again): those that waited for another link are due."""
        self._link_up = True
        for entry in self._queue:
            entry.sends = 0

    def link_down(self) -> None:
        """Hold everything; what was under way goes first when the link is back, under its own id."""
        self._link_up = False
        self._requeue(sent=True)

    def take(self, now: float) -> TextPacket | None:
        """Return the packet to send now, if any; it is under way until a status, a refusal or a time-out."""
        if not self._link_up or self._under_way is not None or now < self._slot:
            return None
        entry = next((e for e in self._queue if self._may_go(e) and now < e.expires_at), None)
        if entry is None:
            return None
        self._queue.remove(entry)
        entry.sends += 1
        self._under_way = entry
        self._confirm_by = now + CONFIRM_TIMEOUT
        self._slot = now + self.interval
        return entry.packet

    def not_sent(self) -> None:
        """The packet just taken could not be written to the connection; it keeps its place and its id."""
        self._requeue(sent=False)
        self._link_up = False

    def on_queue_status(self, packet_id: int, result: int, now: float) -> list[Outcome]:
        """Take the node's answer to a packet: 0 accepted, else an ErrorCode or Routing.Error number.

        A late answer counts too, also for a packet that waits to be sent again: the node drops the copy without a word.
        """
        entry = self._remove(packet_id)
        if entry is None:
            return []
        self._slot = max(self._slot, now + self.interval)
        if result == 0:
            if entry.packet.want_ack:
                self._awaited[packet_id] = _Awaited(entry.packet, now + ACK_TIMEOUT)
            return [Outcome(entry.packet, Fate.ACCEPTED)]
        return self._refused(entry, result, now)

    def on_routing(self, request_id: int, error: str, *, sender: int) -> list[Outcome]:
        """Take a ROUTING_APP answer; `error` is the Routing.Error name, "NONE" for an acknowledgement.

        An acknowledgement by our own node only says that a neighbour repeated the packet; the real one may follow.
        """
        awaited = self._awaited.get(request_id)
        if awaited is None:
            return []
        if error == "NONE" and sender != awaited.packet.to:
            return [Outcome(awaited.packet, Fate.RELAYED)]
        del self._awaited[request_id]
        if error == "NONE":
            return [Outcome(awaited.packet, Fate.ACKNOWLEDGED)]
        return [Outcome(awaited.packet, Fate.FAILED, error)]

    def on_deadline(self, now: float) -> list[Outcome]:
        """Give up what has expired, and put back what the node did not confirm in time."""
        if now >= self._confirm_by:
            self._requeue(sent=True)
        expired = [e for e in self._queue if e.expires_at <= now]
        for entry in expired:
            self._queue.remove(entry)
        for packet_id in [i for i, a in self._awaited.items() if a.until <= now]:
            del self._awaited[packet_id]
        return [Outcome(e.packet, Fate.UNCONFIRMED if e.ever_sent else Fate.EXPIRED) for e in expired]

    @property
    def deadline(self) -> float:
        """When `on_deadline` or `take` has something to do; inf for never."""
        expiry = min((e.expires_at for e in self._queue), default=inf)
        expiry = min(expiry, min((a.until for a in self._awaited.values()), default=inf))
        if not self._link_up:
            return expiry
        if self._under_way is not None:
            return min(expiry, self._confirm_by)
        return min(expiry, self._slot) if any(map(self._may_go, self._queue)) else expiry

    @staticmethod
    def _may_go(entry: _Entry) -> bool:
        return entry.sends < SENDS_PER_LINK

    def _requeue(self, *, sent: bool) -> None:
        entry, self._under_way, self._confirm_by = self._under_way, None, inf
        if entry is not None:
            entry.ever_sent |= sent
            self._queue.appendleft(entry)

    def _remove(self, packet_id: int) -> _Entry | None:
        entry = self._under_way
        if entry is not None and entry.packet.packet_id == packet_id:
            self._under_way, self._confirm_by = None, inf
            return entry
        entry = next((e for e in self._queue if e.ever_sent and e.packet.packet_id == packet_id), None)
        if entry is not None:
            self._queue.remove(entry)
        return entry

    def _refused(self, entry: _Entry, result: int, now: float) -> list[Outcome]:
        if result not in TRANSIENT_RESULTS or entry.refusals >= len(REFUSAL_WAITS):
            return [Outcome(entry.packet, Fate.REFUSED, str(result))]
        # the node remembers the refused id and would drop it as a repetition: it goes again under a new one
        packet = entry.packet
        entry.packet = TextPacket(
            self.new_id(), packet.text, packet.to, packet.channel, packet.reply_id, packet.want_ack
        )
        self._slot = max(self._slot, now + REFUSAL_WAITS[entry.refusals])  # nothing else would find room either
        entry.refusals += 1
        entry.sends, entry.ever_sent = 0, False
        self._queue.appendleft(entry)
        return []
