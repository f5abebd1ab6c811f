"""What waits to go on air: who goes first, pacing, confirmation, repetition; pure, and the only place that decides.

The node drops a second text within 2 s in silence, and a repeated packet id too, but only on one connection
(link_facts §11). So one packet is under way at a time, the next goes `interval` after the node confirmed it, and a
packet without confirmation goes again with the same id: the node that had it drops the copy, the one that had not
sends it. On a new connection the node would send the copy: there a packet in doubt first waits for evidence. Any
routing answer to its id says that the node had it. None of this holds up the other texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from meshbot.mesh_link import TextPacket
from meshbot.sending.outgoing import (
    BUSY_CHANNEL,
    NO_LINK,
    WAITING_LIMITS,
    Changes,
    DeliveryReport,
    DeliveryStatus,
    OutgoingText,
    PartState,
    Priority,
    SavedPart,
)
from meshbot.sending.queued_text import Found, Part, QueuedText, in_turn, restored, saved
from meshbot.sending.retry_policy import MAX_TRIES, MAY_REPEAT, NO_ACK, RetryPolicy, error_name, policy_of
from meshbot.text import split_text

CONFIRM_TIMEOUT = 10.0  # seconds for a queueStatus; an ESP32 can stall 10 s in one write (link_facts §7)
EVIDENCE_TIME = 30.0  # seconds after its sending; a node that nobody repeats gives up after about 23 (link_facts §11)
SETTLE_TIME = 5.0  # seconds from READY for what the node kept for us: it comes behind the configuration
RECEIVERS_REMEMBER = 300.0  # seconds in which every firmware still drops a repeated (sender, id)
ACK_TIMEOUT = 60.0  # seconds for an acknowledgement over many hops
LOAD_VALID = 900.0  # seconds that the node's word on the channel's load counts
TURN_SAID_FROM = 5  # packets ahead, some ten seconds: a shorter wait is not worth a word


@dataclass(slots=True)
class SendQueue:
    """Texts in order, at most one packet unconfirmed. Times are monotonic seconds."""

    interval: float  # seconds between the node's confirmation of one packet and the next packet
    limit: int  # bytes of UTF-8 a packet
    new_id: Callable[[], int]  # a fresh packet id, never 0
    lifetimes: Mapping[Priority, float]  # seconds that a text of each kind is worth sending
    utilization_limit: float  # percent; above it only answers to direct messages go
    first_row: int = 1  # rows are numbered upwards from here
    _rows: int = 0  # how many were numbered
    _texts: dict[int, QueuedText] = field(default_factory=dict)  # by id, in order of arrival
    _by_packet: dict[int, Found] = field(default_factory=dict)  # by packet id
    _current: QueuedText | None = None  # the text last sent from: it goes on, so that its parts stay together
    _under_way: Part | None = None  # of a text that may have ended meanwhile
    # what taking the packet under way has changed, if it cannot be written
    _before: tuple[QueuedText | None, PartState, float, float] = (None, PartState.WAITING, inf, -inf)
    _confirm_by: float = inf
    _slot: float = -inf  # the next packet may go from here
    _link_up: bool = False
    _link_up_at: float = -inf
    _boots: int = 0
    _utilization: float = 0.0
    _load_until: float = -inf
    _changed: dict[int, Found | None] = field(default_factory=dict)  # rows to write; None: to delete

    def __len__(self) -> int:
        """Return how many packets are not confirmed by the node yet; any thread may ask."""
        return sum(self._waiting(priority) for priority in Priority)

    @property
    def holding(self) -> bool:
        """Whether the channel is so busy that only answers to direct messages go."""
        return self._utilization > self.utilization_limit

    # -- texts in, packets out

    def add(self, message: OutgoingText, now: float) -> list[DeliveryReport]:
        """Queue a text, cut into packets; or turn it away when too many of its kind wait."""
        pieces = split_text(message.text, self.limit)
        if self._waiting(message.priority) + len(pieces) > WAITING_LIMITS[message.priority]:
            return [DeliveryReport(message, DeliveryStatus.TURNED_AWAY)]
        expires_at = min(message.expires_at, now + self.lifetimes[message.priority])
        parts = [Part(self._new_row(), self._packet(message, piece)) for piece in pieces]
        text = QueuedText(parts[0].id, message, now, expires_at, parts)
        self._texts[text.id] = text
        for part in parts:
            self._keep(text, part)
        return self._queued(text)

    def restore(self, rows: Iterable[SavedPart], now: float, wall: float) -> None:
        """Take back what an earlier process had not finished; `wall` is the wall time now, in seconds since 1970."""
        for text in restored(rows, now, wall):
            self._number_anew(text)
            self._texts[text.id] = text
            for part in text.parts:
                self._by_packet[part.packet.packet_id] = text, part
                self._arrange(part, now)
            self._slot = max(self._slot, now + self.interval)  # it may have sent just before its end
        self._texts = dict(sorted(self._texts.items()))

    def take(self, now: float) -> TextPacket | None:
        """Return the packet to send now, if any; it is under way until a status, a refusal or a time-out."""
        if not self._link_up or self._under_way is not None or now < self._slot:
            return None
        ready = list(self._ready(now))
        if not ready:
            return None
        text, part = min(ready, key=lambda r: (r[0] is not self._current, r[0].message.priority, r[0].id))
        self._before = self._current, part.state, part.first_sent, part.last_sent
        part.state, part.first_sent, part.last_sent = PartState.SENT, min(part.first_sent, now), now
        part.sends, part.boots = part.sends + 1, self._boots
        self._current, self._under_way = text, part
        self._confirm_by, self._slot = now + CONFIRM_TIMEOUT, now + self.interval
        self._keep(text, part)
        return part.packet

    def not_sent(self) -> None:
        """The packet just taken could not be written to the connection; it keeps its place and its id."""
        part = self._release()
        if part is not None:
            self._current, part.state, part.first_sent, part.last_sent = self._before
            part.sends -= 1
        self._link_up = False

    # -- the link

    def link_up(self, now: float, boots: int = 0) -> None:
        """Packets may flow (again); `boots` is the node's count of its reboots, 0 if it has none."""
        self._link_up, self._link_up_at, self._boots = True, now, boots
        for _, part in self._parts():
            self._arrange(part, now)

    def link_down(self) -> list[DeliveryReport]:
        """Hold everything; what was under way is in doubt."""
        self._link_up = False
        self._release()
        return [outcome for text in self._texts.values() for outcome in self._queued(text)]

    def channel_load(self, percent: float, now: float) -> list[DeliveryReport]:
        """Take the channel utilisation that our own node measured."""
        self._utilization, self._load_until = percent, now + LOAD_VALID
        return [outcome for text in self._texts.values() if self._held(text) for outcome in self._queued(text)]

    # -- answers

    def on_queue_status(self, packet_id: int, result: int, now: float) -> list[DeliveryReport]:
        """Take the node's answer to a packet: 0 accepted, else an ErrorCode or Routing.Error number.

        A late answer counts too, also for a packet that waits to be sent again.
        """
        outcomes = self._confirm_earlier(packet_id, now)
        found = self._answered(packet_id, now)
        if found is None or found[1].state is PartState.ACCEPTED:
            return outcomes
        if result:
            return outcomes + self._refuse(*found, error_name(result), now)
        return outcomes + self._accept(*found, now)

    def on_routing(self, request_id: int, error: str, now: float, *, sender: int) -> list[DeliveryReport]:
        """Take a ROUTING_APP answer; `error` is the Routing.Error name, "NONE" for an acknowledgement.

        An acknowledgement by our own node only says that a neighbour repeated the packet; the real one may follow.
        """
        found = self._answered(request_id, now)
        if found is None:
            return []
        text, part = found
        outcomes = []
        went_on_air = error == "NONE" or policy_of(error).on_air or sender == text.message.to
        if went_on_air and part.state is not PartState.ACCEPTED:
            outcomes += self._accept(text, part, now)
        if part not in text.parts:
            return outcomes  # it asked for no acknowledgement, so it is done
        if text.message.is_broadcast and error == "MAX_RETRANSMIT":  # it was on air: who was in reach may have it
            return outcomes + self._done(text, part, DeliveryStatus.UNANSWERED)
        if error != "NONE":
            return outcomes + self._refuse(text, part, error, now)
        part.relayed = True
        if sender == text.message.to:
            return outcomes + self._done(text, part, DeliveryStatus.ACKNOWLEDGED)
        return outcomes + (self._done(text, part, DeliveryStatus.RELAYED) if text.message.is_broadcast else [])

    def on_deadline(self, now: float) -> list[DeliveryReport]:
        """Give up what has expired, and stop waiting for what does not come."""
        if now >= self._confirm_by and (part := self._release()) is not None:
            part.not_before = now
        if now >= self._load_until:
            self._utilization, self._load_until = 0.0, inf
        return [outcome for text in list(self._texts.values()) for outcome in self._look_at(text, now)]

    @property
    def deadline(self) -> float:
        """When `on_deadline` or `take` has something to do; inf for never."""
        due = min(self._confirm_by, self._load_until if self.holding else inf)
        for text in self._texts.values():
            due = min(due, self._ends_at(text))
            if self._link_up:
                due = min(due, *(p.ack_by for p in text.parts))
        if self._link_up and self._under_way is None:
            turns = in_turn(self._texts.values(), self._goes_at)
            due = min([due, *(max(self._slot, goes_at) for _, _, goes_at in turns)])
        return due

    # -- what to write down

    def touch(self) -> None:
        """Have every row written again: the wall clock was put right."""
        for text, part in self._parts():
            self._keep(text, part)

    def take_changes(self, offset: float) -> Changes:
        """Hand over the rows that changed since the last call; `offset` is wall minus monotonic time."""
        changed, self._changed = self._changed, {}
        return {row: None if found is None else saved(*found, offset) for row, found in changed.items()}

    # -- how it decides

    def _waiting(self, priority: Priority) -> int:
        texts = list(self._texts.values())  # a copy in one step: another thread may ask while this one adds
        waiting = (text for text in texts if text.message.priority is priority)
        return sum(part.state is not PartState.ACCEPTED for text in waiting for part in list(text.parts))

    def _parts(self) -> Iterator[Found]:
        return ((text, part) for text in self._texts.values() for part in text.parts)

    def _queued(self, text: QueuedText) -> list[DeliveryReport]:
        """Say what the text waits for, if that is new and more than a short turn."""
        if text.open is None:
            return []
        reason, detail, ahead = NO_LINK, "lien coupé", 0
        if self._link_up and self._held(text):
            reason, detail = BUSY_CHANNEL, "canal occupé"
        elif self._link_up:
            earlier = (t for t in self._texts.values() if (t.message.priority, t.id) < (text.message.priority, text.id))
            ahead = sum(part.state is not PartState.ACCEPTED for other in earlier for part in other.parts)
            reason, detail = "", f"derrière {ahead} autres"
        if text.waits_for == reason or (not reason and ahead < TURN_SAID_FROM):
            return []
        text.waits_for = reason
        return [DeliveryReport(text.message, DeliveryStatus.QUEUED, detail, reason, ahead)]

    def _ready(self, now: float) -> Iterator[Found]:
        turns = in_turn(self._texts.values(), self._goes_at)
        return ((text, head) for text, head, goes_at in turns if goes_at <= now < self._ends_at(text))

    def _goes_at(self, text: QueuedText, head: Part) -> float:
        """Return when a text's next packet may go, other texts and pacing apart; inf for not yet known."""
        if head is self._under_way:
            return inf
        if text.message.want_ack and text.message.priority in MAY_REPEAT and head is not text.parts[0]:
            return inf  # the packet before it may have to go again: first its acknowledgement
        return max(head.not_before, self._load_until if self._held(text) else -inf)

    def _held(self, text: QueuedText) -> bool:
        message = text.message
        return self.holding and (message.priority is not Priority.ANSWER or message.is_broadcast)

    def _ends_at(self, text: QueuedText) -> float:
        """Return when what is left of the text is given up; inf if the node has it all, or has to answer first."""
        first = text.open
        if first is None or self._under_way in text.parts:
            return inf
        return min(text.expires_at, self._forgotten_at(first))

    def _forgotten_at(self, part: Part) -> float:
        """Return from when a copy might be read twice; inf for a packet that is not in doubt, or without a link."""
        if part.state is not PartState.SENT or not self._link_up:
            return inf
        return max(part.first_sent + RECEIVERS_REMEMBER, self._link_up_at + SETTLE_TIME)

    def _arrange(self, part: Part, now: float) -> None:
        """Prepare a packet for a link that has just come up, or for the present one after a restart."""
        if not self._link_up:
            return
        part.sends, settled = 0, now + SETTLE_TIME
        rebooted = part.boots != self._boots and 0 not in {part.boots, self._boots}
        if part.state is PartState.ACCEPTED:
            part.ack_by = max(part.ack_by, settled) if part.ack_by < inf else now + ACK_TIMEOUT
            if not (rebooted and not part.relayed and now < part.first_sent + RECEIVERS_REMEMBER):
                return
            # the node lost its queue, and the mesh said nothing: the same id again harms nobody who has it
            part.state, part.ack_by = PartState.SENT, inf
        if part.state is PartState.SENT:
            answers_come = part.packet.want_ack and not rebooted
            part.not_before = max(settled, part.last_sent + EVIDENCE_TIME) if answers_come else settled
        elif part.restored:
            part.not_before = settled

    def _look_at(self, text: QueuedText, now: float) -> list[DeliveryReport]:
        outcomes = []
        if self._link_up:
            for part in [p for p in text.parts if p.ack_by <= now]:
                outcomes += self._unacknowledged(text, part, now)
        first = text.open
        if text.id in self._texts and first is not None and self._ends_at(text) <= now:
            outcomes += self._end(
                text, DeliveryStatus.UNCONFIRMED if first.state is PartState.SENT else DeliveryStatus.EXPIRED
            )
        return outcomes

    def _confirm_earlier(self, packet_id: int, now: float) -> list[DeliveryReport]:
        """Accept what was passed over on this link: a node that has read a later packet has read the earlier ones."""
        part = self._under_way
        if part is None or part.packet.packet_id != packet_id or part.sends > 1:
            return []  # or the status may be for its first copy, which was perhaps sent before them
        passed_over = [found for found in self._parts() if found[1].passed_over]
        return [outcome for found in passed_over for outcome in self._accept(*found, now)]

    def _answered(self, packet_id: int, now: float) -> Found | None:
        """Return the packet that an answer is for, no longer under way; the next one's interval begins now."""
        if self._under_way is not None and self._under_way.packet.packet_id == packet_id:
            self._release()
            self._slot = max(self._slot, now + self.interval)
        found = self._by_packet.get(packet_id)
        if found is None or not found[1].may_be_with_the_node():
            return None
        if found[1].state is not PartState.ACCEPTED:
            self._slot = max(self._slot, now + self.interval)
        return found

    def _accept(self, text: QueuedText, part: Part, now: float) -> list[DeliveryReport]:
        part.state, part.ack_by = PartState.ACCEPTED, now + ACK_TIMEOUT
        text.taken[part.packet.packet_id] = None
        self._keep(text, part)
        if not part.packet.want_ack:
            return self._done(text, part, DeliveryStatus.ACCEPTED)
        if text.open is not None or text.accepted_said:
            return []
        text.accepted_said = True
        return [DeliveryReport(text.message, DeliveryStatus.ACCEPTED, packet_ids=tuple(text.taken))]

    def _refuse(self, text: QueuedText, part: Part, error: str, now: float) -> list[DeliveryReport]:
        policy, priority = policy_of(error), text.message.priority
        wait = policy.wait(priority, part.tried[error])
        if wait is None or part.attempts >= MAX_TRIES:
            on_air = part.state is PartState.ACCEPTED or policy.on_air
            return self._end(text, DeliveryStatus.FAILED if on_air else DeliveryStatus.REFUSED, error, policy)
        part.attempts += 1
        part.tried[error] += 1
        del self._by_packet[part.packet.packet_id]
        part.renew(self.new_id(), now + wait)
        self._keep(text, part)
        if policy.holds_all:
            self._slot = max(self._slot, now + wait)
        detail = f"{error}: {policy.words}; nouvel essai dans {wait:.0f} s"
        return [DeliveryReport(text.message, DeliveryStatus.POSTPONED, detail, error)]

    def _unacknowledged(self, text: QueuedText, part: Part, now: float) -> list[DeliveryReport]:
        if text.message.priority in MAY_REPEAT:
            return self._refuse(text, part, NO_ACK, now)
        return self._done(text, part, DeliveryStatus.RELAYED if part.relayed else DeliveryStatus.UNANSWERED)

    def _done(self, text: QueuedText, part: Part, status: DeliveryStatus) -> list[DeliveryReport]:
        """Strike out one packet; with the last one the text ends."""
        text.strike_out(part, status)
        self._forget(part)
        return [] if text.parts else self._end(text, text.worst)

    def _end(
        self, text: QueuedText, status: DeliveryStatus, error: str = "", policy: RetryPolicy | None = None
    ) -> list[DeliveryReport]:
        """Strike out all that is left of a text: with one part missing the others are worth no air time."""
        for part in text.parts:
            self._forget(part)
        text.parts.clear()
        del self._texts[text.id]
        detail = f"{error}: {policy.words}" if policy else ""
        return [DeliveryReport(text.message, status, detail, error, packet_ids=tuple(text.taken))]

    def _release(self) -> Part | None:
        part, self._under_way, self._confirm_by = self._under_way, None, inf
        return part

    def _new_row(self) -> int:
        self._rows += 1
        return self.first_row + self._rows - 1

    def _number_anew(self, text: QueuedText) -> None:
        """Change a restored text's rows if this process gives such numbers too: the clock was set back."""
        if text.parts[-1].id < self.first_row:
            return
        for part in text.parts:
            if not 0 <= part.id - self.first_row < self._rows:
                self._changed[part.id] = None
            part.id = self._new_row()
            self._changed[part.id] = text, part
        text.id = text.parts[0].id

    def _packet(self, message: OutgoingText, piece: str) -> TextPacket:
        return TextPacket(self.new_id(), piece, message.to, message.channel, message.reply_id, message.want_ack)

    def _keep(self, text: QueuedText, part: Part) -> None:
        self._by_packet[part.packet.packet_id] = text, part
        self._changed[part.id] = text, part

    def _forget(self, part: Part) -> None:
        self._by_packet.pop(part.packet.packet_id, None)
        self._changed[part.id] = None
