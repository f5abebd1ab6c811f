"""What custody of the radio's keys wants done, and a node's way through it: see custody.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto
from math import inf

from meshbot.mesh_link import Contact
from meshbot.nodes.radio_state import Loss, Outcome


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment by both clocks."""

    now: float  # monotonic seconds
    wall: int  # seconds since 1970


# -- what is to be done


@dataclass(frozen=True, slots=True)
class AskNode:
    """Have a node introduce itself."""

    num: int


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """Have the radio forget a node, whose key it would not replace."""

    num: int
    packet_id: int


@dataclass(frozen=True, slots=True)
class AddContact:
    """Teach the radio a node's key."""

    contact: Contact
    packet_id: int


@dataclass(frozen=True, slots=True)
class RemoveFavourite:
    """Take off the mark that teaching has set."""

    num: int
    packet_id: int


@dataclass(frozen=True, slots=True)
class KeepNote:
    """Commit the changes and tell `noted`: what comes next must not be forgotten by a crash."""

    num: int


@dataclass(frozen=True, slots=True)
class RadioKey:
    """The radio now has this key of a node; empty: none."""

    num: int
    key: bytes


@dataclass(frozen=True, slots=True)
class CureEnded:
    """What came of giving a node's key back."""

    num: int
    outcome: Outcome
    taught: bool = False  # not only asked for


@dataclass(frozen=True, slots=True)
class RadioLost:
    """The radio has lost what it knew."""

    loss: Loss


@dataclass(frozen=True, slots=True)
class Introduce:
    """Broadcast our own node."""


Action = AskNode | RemoveNode | AddContact | RemoveFavourite | KeepNote | RadioKey | CureEnded | RadioLost | Introduce


class Stage(IntEnum):
    """What a cure waits for."""

    NODE = auto()  # to introduce itself
    TURN = auto()  # the radio is being taught another key
    # from here on the radio is being taught this one
    NOTE = auto()
    REMOVAL = auto()
    CONTACT = auto()
    MARK = auto()  # to be taken off


@dataclass(slots=True)
class Cure:
    """One node's."""

    num: int
    stage: Stage
    until: float = inf
    packet_id: int = 0  # of the radio's answer that is awaited
    # for a message that waits, or to mend what was half done
    awaited: bool = False
    for_operator: bool = False
    contact: Contact | None = None  # as it is being taught
    outcome: Outcome = Outcome.NO_ANSWER
    # an earlier teaching's note, of a node that the radio may have forgotten since: it stands if no other is kept
    noted: bool | None = None
