"""Custody of the radio's keys: whose key it lacks, and the steps by which it gets it back; pure.

A cure asks the node to introduce itself, and teaches the radio the trusted key if nothing comes of that. Teaching marks
the node as a favourite of the radio's, so a note is kept first, and the mark is taken off at once: a radio full of
favourites crashes (docs/decisions/0018-key-custody.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from math import inf
from typing import Final

from meshbot.nodes.ask_limits import AskLimits, OwnIntroductions
from meshbot.nodes.custody_records import CustodyRecords, needing
from meshbot.nodes.custody_steps import (
    Action,
    AddContact,
    AskNode,
    Cure,
    CureEnded,
    Introduce,
    KeepNote,
    Moment,
    RadioKey,
    RadioLost,
    RemoveFavourite,
    RemoveNode,
    Stage,
)
from meshbot.nodes.lessons import Lessons, none_revoked
from meshbot.nodes.radio_state import Outcome, RadioState, TrustedKey

# Seconds between two nodes whose cure nobody waits for
CURE_EVERY: Final = 10.0
# Seconds for a node to introduce itself: 2.4 without a relay (link_facts §12), and there may be seven
ASK_TIMEOUT: Final = 20.0
# Seconds in which a node introduces itself only once
ASK_AGAIN: Final = 60.0
# Seconds for the radio's answer: an ESP32 can stall for 10
ADMIN_TIMEOUT: Final = 12.0
NOTE_TIMEOUT: Final = 15.0  # seconds for a commit
# Nodes
UNSERVED_LIMIT: Final = 50


class Custody:
    """Each method returns what is to be done, in order."""

    def __init__(
        self,
        records: CustodyRecords,
        trusted: Callable[[int], TrustedKey | None],
        new_id: Callable[[], int],
        *,
        is_revoked: Callable[[int, bytes], bool] = none_revoked,
        can_note: bool = True,
    ) -> None:
        """`trusted` returns what the bot knows of a node, `is_revoked` whether an operator has revoked that key of it.

        Without `can_note` nothing can be kept, so nothing is taught.
        """
        self._trusted = trusted
        self._new_id = new_id
        self._lessons = Lessons(records, trusted, is_revoked, can_note=can_note)
        self.records = records
        # None: without a link
        self._radio: RadioState | None = None
        # the radio's, as far as it can be known
        self._keys: dict[int, bytes] = {}
        # nodes to be cured, in order
        self._waiting: list[int] = []
        # whose key is wanted while the radio is not known, and whether an operator waits
        self._unserved: dict[int, bool] = {}
        self._cures: dict[int, Cure] = {}
        self._next_start = -inf
        self._asks = AskLimits()
        self._introductions = OwnIntroductions()
        self._actions: list[Action] = []

    @property
    def deadline(self) -> float:
        """When `on_deadline` has something to do; inf for never."""
        introduction = inf if self._radio is None else self._introductions.due
        due = min(introduction, min((cure.until for cure in self._cures.values()), default=inf))
        return min(due, self._start_at) if self._waiting else due

    # -- what happens

    def ready(self, radio: RadioState, people: Collection[int], at: Moment) -> list[Action]:
        """Take the radio as it is; `people` are the nodes that need their key whether or not messages came."""
        self._drop_cures()
        self._radio, self._keys = radio, dict(radio.keys)
        if radio.is_whole:
            self._look_for_loss(radio, at.now)
            self._repair(at)
            self._revoke(at)
            needy = needing(self.records.talked(at.wall), people, self._keys, self._trusted)
            self._waiting = [num for num in needy if num not in self._cures]
        self._serve_late(at)
        self._next_start = max(self._next_start, at.now)
        self._start_due(at)
        return self._take(at)

    def lost(self) -> list[Action]:
        """Take the loss of the link."""
        self._radio = None
        self._actions += [CureEnded(num, Outcome.NO_LINK) for num in self._unserved]
        self._unserved.clear()
        self._waiting.clear()
        self._drop_cures()
        return self._take()

    def cure(self, num: int, at: Moment, *, lacks: bool) -> list[Action]:
        """Have the radio get a node's key now: somebody waits. `lacks`: the radio says itself that it has none."""
        running = self._cures.get(num)
        if lacks and num in self._keys and (running is None or running.stage <= Stage.TURN):
            del self._keys[num]
            self._actions.append(RadioKey(num, b""))
        if self._radio is None:
            self._note_wanted(num, for_operator=False)
        elif running is None:
            self._start(num, at, awaited=True)
        else:
            running.awaited = True
        return self._take()

    def teach(self, num: int, at: Moment) -> list[Action]:
        """Have the radio follow what an operator has just decided: know the trusted key, forget a revoked one."""
        running = self._cures.get(num)
        if self._radio is None:
            self._note_wanted(num, for_operator=True)
        elif running is None or running.stage is Stage.NODE:
            self._teach(Cure(num, Stage.TURN, for_operator=True), at)
        else:
            running.for_operator = True
        return self._take()

    def unreadable(self, num: int, at: Moment) -> list[Action]:
        """Take a packet to us that the radio could not decrypt: `num` claims to have sent it."""
        if self._radio is None or self._trusted(num) is None or num in self._cures:
            return []
        if self._asks.is_evidence(num, at.now):
            self._start(num, at)
        return self._take()

    def introduced(self, num: int, key: bytes, at: Moment) -> list[Action]:
        """Take a node's own introduction, which the radio has heard as well."""
        cure, trusted = self._cures.get(num), self._trusted(num)
        # a radio keeps the key that it has
        is_news = self._radio is not None and bool(key) and num not in self._keys
        if is_news:
            self._set_key(num, key)
        is_right = trusted is not None and self._keys.get(num) == trusted.key
        if cure is not None and cure.stage is Stage.NODE and key:
            if is_right:
                self._end(cure, Outcome.HELD)
            else:
                self._teach(cure, at)
        elif cure is None and is_news and is_right:
            # a message may wait for it, whose cure came to nothing
            self._actions.append(CureEnded(num, Outcome.HELD))
        self._next_turn(at)
        return self._take()

    def noted(self, num: int, at: Moment) -> list[Action]:
        """Take the commit of a node's note."""
        cure = self._cures.get(num)
        if cure is not None and cure.stage is Stage.NOTE:
            self._write(cure, at)
        return self._take()

    def answered(self, packet_id: int, error: str, at: Moment) -> list[Action]:
        """Take the radio's own answer to one of our packets; "NONE" acknowledges."""
        cure = next((each for each in self._cures.values() if packet_id and each.packet_id == packet_id), None)
        if cure is not None:
            self._advance(cure, at, None if error == "NONE" else Outcome.REFUSED)
            self._next_turn(at)
        return self._take()

    def on_deadline(self, at: Moment) -> list[Action]:
        """Go on from what did not come, and begin what is due."""
        for cure in [each for each in self._cures.values() if each.until <= at.now]:
            match cure.stage:
                case Stage.NODE:
                    self._teach(cure, at)
                case Stage.NOTE:
                    self.records.note(cure.num, stays_favourite=cure.noted)
                    self._end(cure, Outcome.NOT_KEPT)
                case _:
                    self._advance(cure, at, Outcome.NO_ANSWER)
        self._next_turn(at)
        self._start_due(at)
        return self._take(at)

    # -- which nodes

    def _note_wanted(self, num: int, *, for_operator: bool) -> None:
        """Remember it until the radio is known: soon after READY, for which nobody waits for ever."""
        if num in self._unserved or len(self._unserved) < UNSERVED_LIMIT:
            self._unserved[num] = for_operator or self._unserved.get(num, False)

    def _serve_late(self, at: Moment) -> None:
        wanted, self._unserved = self._unserved, {}
        for num, for_operator in wanted.items():
            if for_operator:
                self._teach(Cure(num, Stage.TURN, for_operator=True), at)
            elif num not in self._cures:
                self._start(num, at, awaited=True)

    def _start_due(self, at: Moment) -> None:
        while self._waiting and self._start_at <= at.now:
            self._next_start = at.now + CURE_EVERY
            self._start(self._waiting[0], at, is_limited=self._asks.is_limited)

    @property
    def _start_at(self) -> float:
        return max(self._next_start, self._asks.ahead_from)

    # -- asking

    def _start(self, num: int, at: Moment, *, awaited: bool = False, is_limited: bool = True) -> None:
        if num in self._waiting:
            self._waiting.remove(num)
        cure = self._cures[num] = Cure(num, Stage.NODE, awaited=awaited)
        if self._may_ask(num, at, is_limited=is_limited):
            cure.until = at.now + ASK_TIMEOUT
            self._asks.note(at.now)
            self.records.keep(replace(self.records.row(num), asked_at=at.wall))
            self._actions.append(AskNode(num))
        else:
            self._teach(cure, at)

    def _may_ask(self, num: int, at: Moment, *, is_limited: bool) -> bool:
        """Return whether a node that is asked would answer, and its answer change anything.

        A stranger is not asked: anybody can have us answer numbers that do not exist.
        """
        assert self._radio is not None  # noqa: S101 - nothing starts without a link
        trusted, held = self._trusted(num), self._keys.get(num)
        if trusted is None or (is_limited and not self._asks.has_room(at.now)):
            return False
        is_pinned = held is not None and held != trusted.key
        asked_at = self.records.row(num).asked_at
        was_asked = asked_at is not None and 0 <= at.wall - asked_at < ASK_AGAIN
        return self._radio.own.region != 0 and not is_pinned and not was_asked

    # -- teaching

    def _teach(self, cure: Cure, at: Moment) -> None:
        """Begin to teach, once it is the node's turn; or end the cure with the reason why not."""
        if (reason := self._why_not(cure, at.wall)) is not None:
            self._end(cure, reason)
            return
        if cure.num in self._waiting:
            self._waiting.remove(cure.num)
        self._cures[cure.num] = cure
        cure.stage, cure.until = Stage.TURN, inf
        self._next_turn(at)

    def _why_not(self, cure: Cure, wall: int) -> Outcome | None:
        obstacle = None if self._radio is None else self._radio.obstacle
        return self._lessons.why_not(cure, self._keys.get(cure.num), obstacle, wall)

    def _holds_revoked(self, num: int) -> bool:
        return self._lessons.is_revoked(num, self._keys.get(num))

    def _next_turn(self, at: Moment) -> None:
        """Give the turn to the next node: the radio is taught one key at a time."""
        while not any(cure.stage > Stage.TURN for cure in self._cures.values()):
            waiting = [cure for cure in self._cures.values() if cure.stage is Stage.TURN]
            if not waiting:
                return
            cure = min(waiting, key=lambda cure: not cure.for_operator)
            if (reason := self._why_not(cure, at.wall)) is not None:
                self._end(cure, reason)
                continue
            assert self._radio is not None  # noqa: S101 - its loss ends every cure
            noted = self.records.row(cure.num).stays_favourite
            cure.noted, stays = noted, cure.num in self._radio.favourites if noted is None else noted
            self.records.note(cure.num, stays_favourite=stays)
            self.records.count_taught(cure.num, at.wall)
            cure.stage, cure.until = Stage.NOTE, at.now + NOTE_TIMEOUT
            self._actions.append(KeepNote(cure.num))

    def _write(self, cure: Cure, at: Moment) -> None:
        """Have the radio forget the key that it pins, or learn the right one."""
        trusted, held = self._trusted(cure.num), self._keys.get(cure.num)
        contact = cure.contact = None if trusted is None or trusted.doubtful else trusted.contact
        cure.packet_id, cure.until = self._new_id(), at.now + ADMIN_TIMEOUT
        if self._holds_revoked(cure.num) or (contact and held not in {None, contact.public_key}):
            cure.stage = Stage.REMOVAL
            self._actions.append(RemoveNode(cure.num, cure.packet_id))
        elif contact:
            cure.stage = Stage.CONTACT
            self._actions.append(AddContact(contact, cure.packet_id))
        else:
            self._leave(cure)

    def _leave(self, cure: Cure) -> None:
        """End a cure without a key to teach: what it was is in doubt, or revoked and forgotten."""
        if cure.stage is Stage.REMOVAL:
            # an operator's favourite is one again with its next key
            if not self.records.row(cure.num).stays_favourite:
                self.records.note(cure.num, stays_favourite=None)
            self._end(cure, Outcome.FORGOTTEN)
        else:
            self.records.note(cure.num, stays_favourite=cure.noted)
            self._end(cure, Outcome.DOUBTFUL)

    def _advance(self, cure: Cure, at: Moment, failure: Outcome | None) -> None:
        """Go on after the radio's answer, or without one."""
        match cure.stage:
            case Stage.REMOVAL if failure is None:
                del self._keys[cure.num]
                self._actions.append(RadioKey(cure.num, b""))
                self._write(cure, at)
            case Stage.REMOVAL:
                # without its answer the radio may have forgotten the node, and that it was a favourite
                if failure is Outcome.REFUSED:
                    self.records.note(cure.num, stays_favourite=None)
                self._end(cure, failure or Outcome.REFUSED)
            case Stage.CONTACT:
                # without its answer the radio may have it all the same
                cure.outcome = failure or Outcome.HELD
                if failure is None and cure.contact is not None:
                    self._set_key(cure.num, cure.contact.public_key)
                self._take_off_mark(cure, at)
            case Stage.MARK:
                if failure is None and self._radio is not None:
                    self._radio = replace(self._radio, favourites=self._radio.favourites - {cure.num})
                    self.records.note(cure.num, stays_favourite=None)
                self._end(cure, cure.outcome)

    def _take_off_mark(self, cure: Cure, at: Moment) -> None:
        if self.records.row(cure.num).stays_favourite is True:
            self.records.note(cure.num, stays_favourite=None)
            self._end(cure, cure.outcome)
            return
        cure.stage, cure.packet_id, cure.until = Stage.MARK, self._new_id(), at.now + ADMIN_TIMEOUT
        self._actions.append(RemoveFavourite(cure.num, cure.packet_id))

    def _repair(self, at: Moment) -> None:
        """Finish what a crash or a lost link has left half done."""
        assert self._radio is not None  # noqa: S101 - called at READY
        if self._radio.obstacle is not None:
            return
        for row in self.records.half_done():
            num, is_favourite, trusted = row.num, row.num in self._radio.favourites, self._trusted(row.num)
            # teaching sets the mark with the key: without that it is the operator's
            if row.stays_favourite is is_favourite or (is_favourite and num not in self._keys):
                self.records.note(num, stays_favourite=None)
            elif is_favourite:
                cure = self._cures[num] = Cure(num, Stage.MARK, outcome=Outcome.HELD)
                self._take_off_mark(cure, at)
            # not taught any more, or forgotten with its operator's mark, which it gets back
            if not is_favourite and trusted and (row.stays_favourite or self._keys.get(num) != trusted.key):
                self._teach(Cure(num, Stage.TURN, awaited=True), at)

    def _revoke(self, at: Moment) -> None:
        """Have the radio forget the revoked keys that it has, which came back or could not be removed before."""
        for num in [each for each in self._keys if self._holds_revoked(each)]:
            cure = Cure(num, Stage.TURN)
            if num not in self._cures and self._why_not(cure, at.wall) is None:
                self._teach(cure, at)

    def _end(self, cure: Cure, outcome: Outcome) -> None:
        self._cures.pop(cure.num, None)
        trusted = self._trusted(cure.num)
        if cure.for_operator and outcome is Outcome.HELD and trusted and self._keys.get(cure.num) != trusted.key:
            # decided about while an earlier one was being taught
            outcome = Outcome.NO_ANSWER
        self._actions.append(CureEnded(cure.num, outcome, taught=cure.contact is not None))

    def _drop_cures(self) -> None:
        for cure in list(self._cures.values()):
            if cure.stage is Stage.NOTE:
                self.records.note(cure.num, stays_favourite=cure.noted)
            self._end(cure, Outcome.NO_LINK)

    def _look_for_loss(self, radio: RadioState, now: float) -> None:
        loss = self.records.compare(radio.own)
        self._asks.is_limited = not loss
        if loss:
            self._actions.append(RadioLost(loss))
        if loss is not None and (loss or loss.number) and radio.own.region:
            self._introductions.begin(now, again=loss.number)

    def _set_key(self, num: int, key: bytes) -> None:
        self._keys[num] = key
        self._actions.append(RadioKey(num, key))

    def _take(self, at: Moment | None = None) -> list[Action]:
        if at is not None and self._radio is not None and self._introductions.take(at.now):
            self._actions.append(Introduce())
        actions, self._actions = self._actions, []
        return actions
