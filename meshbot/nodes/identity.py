"""Which two numbers are one node's: firmware 2.8 numbers a node by its public key, which it keeps at the upgrade; pure.

A node's number was made from its hardware's address; from firmware 2.8 on it is the CRC-32 of its public key. So a node
that sends under the number of a key which the bot trusts for an older number may be that one after its upgrade. The key
and so the number are public: everybody can send both. The numbers are joined only when

* the new number has proven that it has the private key, by a message encrypted with it or a signature, and
* the old number was silent for SILENCE seconds before and since that proof.

An old number that is heard again undoes that. Nothing is copied: what belongs to a number stays there, and is found by
`numbers` as long as they are joined.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import inf
from typing import Final, TypeVar

from meshbot import bounds
from meshbot.mesh_link import BROADCAST_NUM, PacketRecord, ReceivedText
from meshbot.nodes.node_rows import is_usable
from meshbot.nodes.weak_keys import is_weak
from meshbot.storage import IdentityRow

# Seconds: a packet that the mesh still passes on arrives within this time, and no firmware is written faster
SILENCE: Final = 120
# Seconds from the new number's first packet: what is heard of the old one after that was sent after that, whatever the
# radio's clock and ours differ by
IN_USE_AFTER: Final = SILENCE + bounds.CLOCK_AHEAD
# Numbers of one node
PAIR: Final = 2
NODEINFO_PORT: Final = 4  # PortNum.NODEINFO_APP
# Seconds after which it is noted again that a contested old number is heard
NOTED_EVERY: Final = 3600
# Of senders, and of proofs for numbers that have no other yet; the oldest are forgotten
REMEMBERED: Final = 2_000

V = TypeVar("V")


def number_of(key: bytes) -> int:
    """Return the number that firmware from 2.8 on gives to the node with this public key."""
    return zlib.crc32(key)


def is_heard(packet: PacketRecord) -> bool:
    """Return whether a packet tells that its sender's number is in use now."""
    # firmware 2.8 answers in the name of nodes that it knows, and the broker may have kept it for long
    is_anothers = packet.portnum == NODEINFO_PORT and packet.to != BROADCAST_NUM
    return not (is_anothers or packet.is_replay or packet.reception.via_mqtt)


def is_proof(received: ReceivedText) -> bool:
    """Return whether a text proves that its sender has the private key of the public key that it carries."""
    message = received.message
    is_direct = message.to == received.own_num and not message.reception.via_mqtt
    return is_direct and message.pki_encrypted and is_usable(message.public_key) and not received.is_repeat


class Change(Enum):
    """What has become of two numbers."""

    JOINED = auto()
    PARTED = auto()  # the old number was heard again
    CONTESTED = auto()  # the same, before they were joined


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """For the operator; of numbers that parted, the row as it was when the old one was heard."""

    change: Change
    row: IdentityRow


@dataclass(frozen=True, slots=True)
class Candidate:
    """Of a number that announces the key of an older one, without being joined to it."""

    old_num: int
    # the old number is not in use, as far as can be heard
    is_silent: bool


class Identities:
    """Pairs of numbers with one key, joined or not: no lock, no clock, no I/O. Times are seconds since 1970.

    A new number has one old one at most: where several have its key, none is joined.
    """

    def __init__(self, stored: Iterable[IdentityRow] = (), listening_since: int = 0) -> None:
        """Take the rows of earlier processes: each counts when `on_holders` finds its numbers to have its key.

        What was heard before `listening_since` is unknown.
        """
        # old numbers that are joined, with the present one: replaced as a whole, so that any thread may read it
        self.moved: Mapping[int, int] = {}
        # when `settle` has something to do, inf for never
        self.due = inf
        self._since = listening_since
        self._own_num = 0
        self._stored = {(row.old_num, row.new_num): row for row in stored}
        self._by_new: dict[int, IdentityRow] = {}
        self._by_old: dict[int, int] = {}
        self._heard: dict[int, int] = {}
        self._proofs: dict[int, tuple[bytes, int]] = {}
        self._unsaved: dict[tuple[int, int], IdentityRow] = {}
        self._changes: list[IdentityChange] = []

    # -- asking

    def numbers(self, num: int) -> tuple[int, ...]:
        """Return all numbers of the node that has this one, the present one first."""
        new = self.moved.get(num, num)
        row = self._by_new.get(new)
        return (new,) if row is None or row.joined_at is None else (new, row.old_num)

    def candidate(self, num: int, now: int) -> Candidate | None:
        """Return whose key this number announces without being joined: it may be the same node, or pretend to be."""
        row = self._by_new.get(num)
        if row is None or row.joined_at is not None:
            return None
        return Candidate(row.old_num, not self.is_contested(row) and (row.heard_at or 0) + SILENCE <= now)

    def is_contested(self, row: IdentityRow) -> bool:
        """Return whether both numbers of a pair that is not joined are in use."""
        if row.joined_at is not None:
            return False
        return row.old_num == self._own_num or (row.heard_at or 0) > row.since + IN_USE_AFTER

    def is_upgrade(self, key: bytes, holders: Collection[int]) -> bool:
        """Return whether nodes have one key because one of them has changed its number, as far as can be seen."""
        row = self._by_new.get(number_of(key))
        if row is None or row.public_key != key or self.is_contested(row):
            return False
        return set(holders) == {row.old_num, row.new_num}

    # -- what happens

    def on_holders(self, key: bytes, holders: Collection[int], since: int) -> None:
        """Take which nodes have this trusted key now, the last of them `since` then."""
        new = number_of(key)
        # everybody can prove a weak key
        is_theirs = new in holders and not is_weak(key)
        is_pair = is_theirs and len(holders) == PAIR
        row = self._by_new.get(new)
        if row is not None and row.public_key == key:
            # who comes third is no reason to doubt what was proven
            if is_theirs and row.old_num in holders and (is_pair or row.joined_at is not None):
                return
            self._drop(row)
        if is_pair and 0 < new < BROADCAST_NUM:
            (old,) = (num for num in holders if num != new)
            self._pair(IdentityRow(old, new, key, since))

    def hear(self, num: int, at: int) -> None:
        """Take in that the number was heard at that time: not a repetition, nor what was kept on the way."""
        _remember(self._heard, num, max(at, self._heard.get(num, 0)))
        row = self._by_new.get(self._by_old.get(num, -1))
        if row is None or at <= (row.heard_at or 0):
            return
        now_heard = replace(row, heard_at=at)
        if row.joined_at is None:
            self._put(now_heard)
            is_news = self.is_contested(now_heard) and not self.is_contested(row)
            if is_news:
                self._changes.append(IdentityChange(Change.CONTESTED, now_heard))
            if is_news or (self.is_contested(row) and at // NOTED_EVERY > (row.heard_at or 0) // NOTED_EVERY):
                self._save(now_heard)
        elif at > row.joined_at + SILENCE and row.new_num != self._own_num:
            self._part(now_heard)

    def remember_heard(self, num: int, at: int) -> None:
        """Take in when the radio heard the number, for numbers that are not joined: it does not tell what it heard."""
        row = self._by_new.get(self._by_old.get(num, -1))
        if row is None or row.joined_at is None:
            self.hear(num, at)

    def prove(self, num: int, key: bytes, at: int) -> None:
        """Take in that whoever sent under this number at that time has the private key of `key`."""
        if number_of(key) != num:
            return
        _remember(self._proofs, num, (key, at))
        row = self._by_new.get(num)
        if row is None or row.public_key != key or row.joined_at is not None or at <= (row.proven_at or 0):
            return
        proven = replace(row, proven_at=at)
        self._put(proven)
        self._save(proven)

    def know_own(self, num: int) -> None:
        """Take the number of our own node, which is there as long as the bot is."""
        if num == self._own_num:
            return
        self._own_num = num
        row = self._by_new.get(self._by_old.get(num, -1))
        if row is not None and row.joined_at is not None:
            self._part(row)
        # its own new number needs no proof
        self.due = -inf

    def settle(self, now: int) -> None:
        """Join what may be joined by now; to be called when it is `due`."""
        self.due = inf
        for row in list(self._by_new.values()):
            if row.joined_at is None and (ready := self._ready_at(row, now)) is not None:
                if ready <= now:
                    self._join(row, now)
                else:
                    self.due = min(self.due, ready)

    def merge(self, other: Identities) -> None:
        """Take in what `other`, which began without rows, has met before they could be read."""
        self._since = min(self._since, other._since)
        self.know_own(other._own_num)
        for num, at in other._heard.items():
            self.hear(num, at)
        for num, (key, at) in other._proofs.items():
            self.prove(num, key, at)
        self.due = -inf

    # -- for others

    @property
    def is_unsaved(self) -> bool:
        """Whether some row is to be written."""
        return bool(self._unsaved)

    def take_changes(self) -> list[IdentityChange]:
        """Hand over what has changed since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def take_unsaved(self) -> dict[tuple[int, int], IdentityRow]:
        """Hand over the rows to be written."""
        unsaved, self._unsaved = self._unsaved, {}
        return unsaved

    def mark_all_unsaved(self) -> None:
        """Count every row as unsaved, for a database that was replaced."""
        for row in self._by_new.values():
            if row.proven_at is not None or row.joined_at is not None or self.is_contested(row):
                self._save(row)

    # -- inside

    def _ready_at(self, row: IdentityRow, now: int) -> int | None:
        """Return when a pair may be joined, None without a proof since the old number was last heard."""
        if row.new_num == self._own_num:
            return now
        if row.proven_at is None or row.old_num == self._own_num:
            return None
        # a time to come was noted by a clock that was wrong
        heard = bounds.past(row.heard_at, now) or 0
        return None if heard > row.proven_at else max(heard, self._since) + SILENCE

    def _pair(self, found: IdentityRow) -> None:
        nums = found.old_num, found.new_num
        stored = self._stored.pop(nums, None)
        row = stored if stored is not None and stored.public_key == found.public_key else found
        if (at := self._heard.get(found.old_num, 0)) > (row.heard_at or 0) and row.joined_at is None:
            row = replace(row, heard_at=at)
        key, at = self._proofs.get(found.new_num, (b"", 0))
        if key == found.public_key and at > (row.proven_at or 0):
            row = replace(row, proven_at=at)
            self._save(row)
        self._by_old[found.old_num] = found.new_num
        self._put(row)
        if row.joined_at is not None:
            self._update_moved()

    def _drop(self, row: IdentityRow) -> None:
        """Forget a pair: the numbers have no longer one key."""
        del self._by_new[row.new_num]
        del self._by_old[row.old_num]
        # if they have it again one day, that is to be proven again
        self._proofs.pop(row.new_num, None)
        if row.joined_at is not None or row.proven_at is not None:
            self._save(replace(row, proven_at=None, joined_at=None))
        self._update_moved()

    def _join(self, row: IdentityRow, now: int) -> None:
        joined = replace(row, joined_at=now)
        self._by_new[row.new_num] = joined
        self._save(joined)
        self._changes.append(IdentityChange(Change.JOINED, joined))
        self._update_moved()

    def _part(self, row: IdentityRow) -> None:
        # what undid it counts as heard after the new number's first packet
        since = min(row.since, (row.joined_at or 0) - bounds.CLOCK_AHEAD)
        parted = replace(row, joined_at=None, since=since)
        self._put(parted)
        self._save(parted)
        self._changes.append(IdentityChange(Change.PARTED, row))
        self._update_moved()

    def _put(self, row: IdentityRow) -> None:
        self._by_new[row.new_num] = row
        if row.joined_at is None and (row.proven_at is not None or row.new_num == self._own_num):
            self.due = -inf

    def _save(self, row: IdentityRow) -> None:
        self._unsaved[row.old_num, row.new_num] = row

    def _update_moved(self) -> None:
        self.moved = {row.old_num: row.new_num for row in self._by_new.values() if row.joined_at is not None}


def _remember(where: dict[int, V], num: int, value: V) -> None:
    """Put it at the end, and forget the first if there are too many."""
    where.pop(num, None)
    where[num] = value
    if len(where) > REMEMBERED:
        del where[next(iter(where))]
