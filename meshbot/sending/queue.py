"""The send queue: order, pacing, confirmation, retries; pure, and the only place that decides them.

The node drops a second text within 2 s without an error, and a repeated packet id too, but only on one connection
(link_facts §11). So one packet is in flight at a time, the next goes `interval` after the node confirmed it, and a
packet without confirmation is sent again with the same id: a node that had it drops the copy, one that had not sends
it. On a new connection the node would send the copy: there an unconfirmed packet waits for evidence, which any routing
answer to its id is. Other texts do not wait for this.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from meshbot.mesh_link import LoraSettings, RoutingAnswer, TextPacket
from meshbot.sending.admission import has_room
from meshbot.sending.air_budget import AirBudget
from meshbot.sending.channel_load import ChannelHold
from meshbot.sending.key_cures import KeyCure, KeyCures
from meshbot.sending.moved_numbers import MovedNumbers
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.sending.queue_rows import QueueRows
from meshbot.sending.queued_text import (
    ACK_TIMEOUT,
    RECEIVERS_REMEMBER,
    Part,
    PartState,
    QueuedPart,
    QueuedText,
    SavedPart,
    next_packets,
    queued_report,
    repeatable_until,
    restored,
    waiting,
    why_given_up,
)
from meshbot.sending.receipts import BUSY_CHANNEL, NO_LINK, DeliveryReport, DeliveryStatus
from meshbot.sending.retry_policy import MAX_TRIES, MAY_REPEAT, NO_ACK, error_name, may_answer, policy_of
from meshbot.text import legible, split_text

# Seconds for a queueStatus; an ESP32 can stall 10 s in one write (link_facts §7)
CONFIRM_TIMEOUT = 10.0
# Seconds from READY for kinds that may wait longer than that, if some do: by then their rows say that they may be sent
SAVE_TIME = 3.0


@dataclass(slots=True)
class SendQueue:
    """Texts in order, at most one packet unconfirmed. Times are monotonic seconds."""

    interval: float  # seconds between the node's confirmation of one packet and the next packet
    limit: int  # bytes of UTF-8 a packet
    new_id: Callable[[], int]  # a fresh packet id, never 0
    lifetimes: Mapping[Priority, float]  # seconds that a text of each kind may wait to be sent
    hold: ChannelHold
    air: AirBudget
    rows: QueueRows = field(default_factory=QueueRows)
    cures: KeyCures = field(default_factory=KeyCures)
    moved: MovedNumbers = field(default_factory=MovedNumbers)
    _texts: dict[int, QueuedText] = field(default_factory=dict)  # by id, in order of arrival
    _by_packet: dict[int, QueuedPart] = field(default_factory=dict)  # by packet id
    _refused: dict[int, QueuedPart] = field(default_factory=dict)  # by the ids before it, which were refused
    _current: QueuedText | None = None  # the text last sent from: it goes on, so that its parts stay together
    _in_flight: Part | None = None  # of a text that may have ended meanwhile
    # state before the packet in flight was taken, in case that it cannot be written
    _before_take: tuple[QueuedText | None, PartState, float, float] = (None, PartState.WAITING, inf, -inf)
    _confirm_by: float = inf
    _next_slot: float = -inf  # no packet before
    _link_up: bool = False
    _link_up_at: float = -inf
    _saved_at: float = -inf  # from when on the rows tell that their packets may be sent
    _boots: int = 0

    def __len__(self) -> int:
        """Return how many packets are not confirmed by the node yet; any thread may ask."""
        return waiting(list(self._texts.values()))

    @property
    def texts(self) -> Collection[QueuedText]:
        """Return the texts that are not finished."""
        return self._texts.values()

    # -- texts in, packets out

    def add(self, message: OutgoingText, now: float) -> list[DeliveryReport]:
        """Queue a text, cut into packets; or turn it away when too many of its kind wait."""
        pieces = split_text(legible(message.text), min(self.limit, self.air.longest(message)))
        if not has_room(self.texts, message, len(pieces)):
            return [DeliveryReport(message, DeliveryStatus.QUEUE_FULL)]
        expires_at = min(message.expires_at, now + self.lifetimes[message.priority])
        parts = [Part(self.rows.new(), message.packet(self.new_id(), piece)) for piece in pieces]
        text = QueuedText(parts[0].id, message, now, expires_at, parts)
        self._texts[text.id] = text
        for part in parts:
            self._save(text, part)
        return self._queued(text)

    def restore(self, rows: Iterable[SavedPart], now: float, wall: float) -> None:
        """Take back what an earlier process had not finished; `wall` is the wall time now, in seconds since 1970."""
        for text in restored(rows, now, wall):
            self.rows.renumber(text)
            self._texts[text.id] = text
            for part in text.parts:
                self._by_packet[part.packet.packet_id] = text, part
                if self._link_up:
                    part.prepare_for_link(self._boots, now)
            # the earlier process may have sent just before its end
            self._next_slot = max(self._next_slot, now + self.interval)
        self._texts = dict(sorted(self._texts.items()))
        self.rows.link_changed(self._parts(), self._link_up_at if self._link_up else inf)

    def take(self, now: float) -> TextPacket | None:
        """Return the packet to send now, if any; it is in flight until a status, a refusal or a time-out."""
        if not self._link_up or self._in_flight is not None or now < self._next_slot:
            return None
        for text, part, before in self.moved.redirect(self.texts, self.new_id, now):
            self._by_packet.pop(before, None)
            self._save(text, part)
        packets = next_packets(self._texts.values(), self._goes_at)
        due = [(text, part) for text, part, goes_at in packets if goes_at <= now < self._ends_at(text)]
        if not (ready := [each for each in due if not self.cures.hold(*each, now)]):
            return None
        text, part = min(ready, key=lambda found: (found[0] is not self._current, *self._order(found[0])))
        part.repeats = self.air.charge(text.message, part.packet, now)
        self._before_take = self._current, part.state, part.first_sent, part.last_sent
        part.state, part.first_sent, part.last_sent = PartState.SENT, min(part.first_sent, now), now
        part.sends, part.boots = part.sends + 1, self._boots
        self._current, self._in_flight = text, part
        self._confirm_by, self._next_slot = now + CONFIRM_TIMEOUT, now + self.interval
        self._save(text, part)
        return part.packet

    def not_sent(self) -> None:
        """Take note that the packet just taken could not be written; it keeps its place and its id."""
        part = self._release()
        if part is not None:
            text, _ = self._by_packet[part.packet.packet_id]
            self._refund(text, part, self.air.cost(part.packet))
            self._current, part.state, part.first_sent, part.last_sent = self._before_take
        # the next link counts each packet's sends from 0
        self._link_up = False

    # -- the link

    def link_up(self, now: float, boots: int = 0, lora: LoraSettings | None = None) -> None:
        """Packets may flow (again); `boots` is the node's count of its reboots, 0 if it has none."""
        self.air.use(lora or LoraSettings())
        self._link_up, self._link_up_at, self._boots = True, now, boots
        for _, part in self._parts():
            part.prepare_for_link(boots, now)
        self.rows.link_changed(self._parts(), now)
        outliving = {priority for priority, seconds in self.lifetimes.items() if seconds > RECEIVERS_REMEMBER}
        if any(part.is_unsent and text.message.priority in outliving for text, part in self._parts()):
            self._saved_at = now + SAVE_TIME

    def link_down(self) -> list[DeliveryReport]:
        """Hold everything; whether the node has the packet in flight is unknown."""
        self._link_up = False
        self.rows.link_changed(self._parts(), inf)
        self._release()
        return [report for text in self._texts.values() for report in self._queued(text)]

    def channel_load(self, percent: float, now: float) -> list[DeliveryReport]:
        """Take what our own node measured."""
        self.hold.measured(percent, now)
        return [
            report for text in self._texts.values() if self.hold.holds(text.message) for report in self._queued(text)
        ]

    # -- answers

    def on_queue_status(self, packet_id: int, result: int, now: float) -> list[DeliveryReport]:
        """Take the node's answer to a packet: 0 accepted, else an ErrorCode or Routing.Error number.

        A late answer counts too, also for a packet that waits to be sent again.
        """
        reports = self._confirm_earlier(packet_id, now)
        found = self._find_answered(packet_id, now)
        if found is None or found[1].state is PartState.ACCEPTED:
            return reports
        if result:
            return reports + self._refuse(*found, error_name(result), now)
        return reports + self._accept(*found, now)

    def on_routing(self, answer: RoutingAnswer, now: float) -> list[DeliveryReport] | None:
        """Take a ROUTING_APP answer; None: it is of no effect, because its sender cannot know what it says.

        An acknowledgement by our own node only says that a neighbour repeated the packet; the real one may follow.
        """
        error, sender = answer.error, answer.sender
        asked = self._by_packet.get(answer.request_id) or self._refused.get(answer.request_id)
        if asked is not None and not may_answer(answer, asked[0].message.to):
            return None
        found = self._find_answered(answer.request_id, now)
        if found is None:
            return self._acknowledged_late(answer)
        text, part = found
        if error != "MAX_RETRANSMIT":
            self._refund(text, part)
        went_on_air = error == "NONE" or policy_of(error).on_air or sender == text.message.to
        is_news = went_on_air and part.state is not PartState.ACCEPTED
        reports = self._accept(text, part, now) if is_news else []
        if part not in text.parts:
            # it asked for no acknowledgement, so it is done
            return reports
        if text.message.is_broadcast and error == "MAX_RETRANSMIT":
            # it was on air: receivers in range may have it
            return reports + self._finish_part(text, part, DeliveryStatus.UNANSWERED)
        if error != "NONE":
            return reports + self._refuse(text, part, error, now)
        part.relayed = True
        if sender == text.message.to:
            return reports + self._finish_part(text, part, DeliveryStatus.ACKNOWLEDGED)
        return reports + (self._finish_part(text, part, DeliveryStatus.RELAYED) if text.message.is_broadcast else [])

    def on_key_cure(self, cure: KeyCure, now: float) -> list[DeliveryReport]:
        """Take what came of a recipient's key: texts that waited for it go at once, or are given up for good."""
        lost = self.cures.end(self._parts(), cure, now)
        return [report for text, why in lost.items() for report in self._end(text, DeliveryStatus.REFUSED, *why)]

    def on_deadline(self, now: float) -> list[DeliveryReport]:
        """Give up what has expired, and stop waiting for answers that do not come."""
        if now >= self._confirm_by and (part := self._release()) is not None:
            part.not_before = now
        self.rows.note_unsent(self._parts(), now)
        self.hold.on_deadline(now)
        return [report for text in list(self._texts.values()) for report in self._check_deadlines(text, now)]

    @property
    def deadline(self) -> float:
        """When `on_deadline` or `take` has something to do; inf for never."""
        due = min(self._confirm_by, self.rows.note_due(self._parts()), self.hold.ends_at)
        due = min([due, *map(self._ends_at, self.texts)])
        if self._link_up:
            due = min([due, *(part.ack_by for _, part in self._parts())])
        if self._link_up and self._in_flight is None:
            packets = next_packets(self._texts.values(), self._goes_at)
            due = min([due, *(max(self._next_slot, goes_at) for _, _, goes_at in packets)])
        return due

    def save_all(self) -> None:
        """Have every row written again: the wall clock was set."""
        for text, part in self._parts():
            self._save(text, part)

    # -- decisions

    def _parts(self) -> Iterator[QueuedPart]:
        return ((text, part) for text in self._texts.values() for part in text.parts)

    def _queued(self, text: QueuedText) -> list[DeliveryReport]:
        """Report what the text waits for, if that is new and more than a short wait."""
        if text.first_open is None:
            return []
        if not self._link_up or self.hold.holds(text.message):
            return queued_report(text, BUSY_CHANNEL if self._link_up else NO_LINK)
        earlier = (other for other in self._texts.values() if self._order(other) < self._order(text))
        return queued_report(text, ahead=waiting(earlier))

    def _goes_at(self, text: QueuedText, part: Part) -> float:
        """Return when a text's next packet may go, other texts and pacing apart; inf for not yet known."""
        if part is self._in_flight:
            return inf
        if text.message.want_ack and text.message.priority in MAY_REPEAT and part is not text.parts[0]:
            # the packet before it may have to go again: first its acknowledgement
            return inf
        held_until = self.hold.ends_at if self.hold.holds(text.message) else -inf
        saved_at = self._saved_at if self.lifetimes[text.message.priority] > RECEIVERS_REMEMBER else -inf
        return max(part.not_before, saved_at, held_until, self.air.free_at(text.message, self.air.price(part.packet)))

    def _order(self, text: QueuedText) -> tuple[int, bool, int, int]:
        """Return a key: the urgent kind first, strangers last in it, then who had least air lately, then first come."""
        return text.message.priority, text.message.for_stranger, self.air.had_lately(text.message), text.id

    def _ends_at(self, text: QueuedText) -> float:
        """Return when what is left of the text is given up; inf if the node has it all, or has to answer first."""
        first = text.first_open
        if first is None or self._in_flight in text.parts:
            return inf
        return min(text.expires_at, repeatable_until(first, self._link_up_at) if self._link_up else inf)

    def _check_deadlines(self, text: QueuedText, now: float) -> list[DeliveryReport]:
        reports = []
        if self._link_up:
            for part in [p for p in text.parts if p.ack_by <= now]:
                reports += self._unacknowledged(text, part, now)
        first = text.first_open
        if text.id in self._texts and first is not None and self._ends_at(text) <= now:
            reports += self._end(text, *why_given_up(text, first))
        return reports

    def _confirm_earlier(self, packet_id: int, now: float) -> list[DeliveryReport]:
        """Accept the packets given up before this one on this link: the node reads a connection in order."""
        part = self._in_flight
        if part is None or part.packet.packet_id != packet_id or part.sends > 1:
            # the status of a repeat may be its first copy's, which was perhaps sent before them
            return []
        earlier = [found for found in self._parts() if found[1].sends_used_up]
        return [report for found in earlier for report in self._accept(*found, now)]

    def _find_answered(self, packet_id: int, now: float) -> QueuedPart | None:
        """Return the packet that an answer is for, no longer in flight; the next one's interval begins now."""
        if self._in_flight is not None and self._in_flight.packet.packet_id == packet_id:
            self._release()
            self._next_slot = max(self._next_slot, now + self.interval)
        found = self._by_packet.get(packet_id)
        if found is None or not found[1].may_be_with_the_node():
            return None
        if found[1].state is not PartState.ACCEPTED:
            self._next_slot = max(self._next_slot, now + self.interval)
        return found

    def _accept(self, text: QueuedText, part: Part, now: float) -> list[DeliveryReport]:
        part.state, part.ack_by, text.was_sent = PartState.ACCEPTED, now + ACK_TIMEOUT, True
        text.accepted_ids[part.packet.packet_id] = None
        self._save(text, part)
        if not part.packet.want_ack:
            return self._finish_part(text, part, DeliveryStatus.ACCEPTED)
        if text.first_open is not None or text.reported_accepted:
            return []
        text.reported_accepted = True
        return [DeliveryReport(text.message, DeliveryStatus.ACCEPTED, packet_ids=tuple(text.accepted_ids))]

    def _refuse(self, text: QueuedText, part: Part, error: str, now: float) -> list[DeliveryReport]:
        policy, priority = policy_of(error, is_broadcast=text.message.is_broadcast), text.message.priority
        if part.state is PartState.SENT and not policy.on_air:
            self._refund(text, part, self.air.cost(part.packet))
        wait = policy.wait(priority, part.retries_by_error[error], text.expires_at - now)
        text.was_sent = text.was_sent or policy.on_air
        if wait is None or (part.attempts >= MAX_TRIES and not policy.holds_all):
            on_air = part.state is PartState.ACCEPTED or policy.on_air
            status = DeliveryStatus.FAILED if on_air else DeliveryStatus.REFUSED
            return self._end(text, status, error, f"{error}: {policy.words}")
        part.attempts += not policy.holds_all
        is_known, part.last_error = part.last_error == error, error
        part.retries_by_error[error] += 1
        del self._by_packet[part.packet.packet_id]
        self._refused[part.packet.packet_id] = text, part
        part.renew(self.new_id(), now + wait, text.message.to)
        self.cures.refused(text, part, error)
        self._save(text, part)
        if policy.holds_all:
            self._next_slot = max(self._next_slot, now + wait)
        if is_known and policy.holds_all:
            return []
        detail = f"{error}: {policy.words}; nouvel essai dans {wait:.0f} s"
        return [DeliveryReport(text.message, DeliveryStatus.POSTPONED, detail, error)]

    def _refund(self, text: QueuedText, part: Part, sent: int = 0) -> None:
        """Take back its repeats, which the node will not send, and `sent` milliseconds of its last transmission."""
        self.air.refund(text.message, part.repeats + sent, part.last_sent)
        part.repeats = 0

    def _acknowledged_late(self, answer: RoutingAnswer) -> list[DeliveryReport]:
        """Take the recipient's acknowledgement of a packet that was refused in its name: one of them was forged."""
        if answer.request_id not in self._refused or answer.error != "NONE" or answer.is_own:
            return []
        text, part = self._refused[answer.request_id]
        text.accepted_ids[answer.request_id] = None
        return self._finish_part(text, part, DeliveryStatus.ACKNOWLEDGED)

    def _unacknowledged(self, text: QueuedText, part: Part, now: float) -> list[DeliveryReport]:
        if text.message.priority in MAY_REPEAT:
            return self._refuse(text, part, NO_ACK, now)
        return self._finish_part(text, part, DeliveryStatus.RELAYED if part.relayed else DeliveryStatus.UNANSWERED)

    def _finish_part(self, text: QueuedText, part: Part, status: DeliveryStatus) -> list[DeliveryReport]:
        """Remove one packet; with the last one the text ends."""
        text.finish(part, status)
        self._delete(part)
        return [] if text.parts else self._end(text, text.worst_status)

    def _end(self, text: QueuedText, status: DeliveryStatus, error: str = "", detail: str = "") -> list[DeliveryReport]:
        """Remove all that is left of a text: with one part missing the others are worth no air time."""
        for part in text.parts:
            self._delete(part)
        text.parts.clear()
        del self._texts[text.id]
        return [DeliveryReport(text.message, status, detail, error, packet_ids=tuple(text.accepted_ids))]

    def _release(self) -> Part | None:
        part, self._in_flight, self._confirm_by = self._in_flight, None, inf
        return part

    def _save(self, text: QueuedText, part: Part) -> None:
        self._by_packet[part.packet.packet_id] = text, part
        self.rows.save(text, part)

    def _delete(self, part: Part) -> None:
        self._by_packet.pop(part.packet.packet_id, None)
        for packet_id in part.refused_ids:
            self._refused.pop(packet_id, None)
        self.rows.delete(part)
