"""The schedule: from a seed and a number, one round of faults and traffic; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final

from chaos.catalogue import OF_A_VICTIM, VICTIMS, Kind, Part, Value, kinds

# The bot's settings, in seconds; short, so that a minute has many rounds
CONFIG_SILENCE: Final = 2.0
PROBE_AFTER: Final = 2.0
PROBE_TIMEOUT: Final = 2.0
PROBE_MISSES: Final = 2
CONNECT_TIMEOUT: Final = 2.0
CLOSE_TIMEOUT: Final = 2.0
# Seconds before the attempts that follow troubles, with their spread: docs/TCP_ARCHITECTURE.md
LADDER: Final = (1.1, 5.5, 16.5, 33.0, 66.0)
# Seconds for connection and configuration of a healthy node, on a busy machine
ATTEMPT: Final = 4.0
LONGEST: Final = 4.0  # seconds that faults last
MOST_ACTS: Final = 6


class Moment(StrEnum):
    """What the bot is doing when the faults begin."""

    READY = "ready"
    CONNECTING = "connecting"
    CONFIGURATION = "configuration"
    SENDING = "sending"
    CLOSING = "closing"


class Ending(StrEnum):
    """What happens to the process while the faults are on, if anything."""

    NOTHING = "nothing"
    KILL = "kill"
    STOP = "stop"


class Deed(StrEnum):
    """What people, scripts and attackers do meanwhile."""

    COMMAND = "command"  # a direct message that asks
    MENTION = "mention"  # a text of a user on the channel
    SAY = "say"  # by the control socket, on the channel
    STATUS = "status"
    RELOAD = "reload"
    BAD_REQUEST = "bad_request"  # by the control socket
    CHAT_COMMAND = "chat_command"  # by Telegram
    CHAT_TEXT = "chat_text"  # in the bridged group
    IMPOSTOR = "impostor"  # a NODEINFO under a user's number with another key
    RENAMING = "renaming"  # one under a user's number with that user's key and another name
    REPLAY = "replay"  # a packet that was heard before
    NEWCOMERS = "newcomers"  # twenty numbers that nobody knows


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it is injected."""

    part: Part
    name: str
    values: tuple[tuple[str, Value], ...] = ()

    def __str__(self) -> str:
        """Return it as the virtual node's command line writes it."""
        return " ".join([f"{self.part.value}:{self.name}", *(f"{name}={value}" for name, value in self.values)])


@dataclass(frozen=True, slots=True)
class Act:
    """One deed, so many seconds after the faults began."""

    at: float
    deed: Deed
    who: int  # which of the users, or which of the bad requests

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.at:g} s {self.deed.value}/{self.who}"


@dataclass(frozen=True, slots=True)
class Round:
    """Faults at a moment, with what goes on while they last; then all is healed."""

    number: int
    moment: Moment
    wait: float  # seconds from the moment to the faults
    faults: tuple[Fault, ...]
    lasts: float  # seconds
    acts: tuple[Act, ...]
    ending: Ending
    ending_at: float  # seconds after the faults began
    asks_to_reconnect: bool  # an operator does, once all is healed

    def __str__(self) -> str:
        """Return it on one line for people."""
        faults = " + ".join(map(str, self.faults)) or "no fault"
        acts = ", ".join(map(str, self.acts)) or "none"
        ending = "" if self.ending is Ending.NOTHING else f"; {self.ending.value} at {self.ending_at:g} s"
        when = f"{self.moment.value} + {self.wait:g} s for {self.lasts:g} s"
        return f"round {self.number}: {faults}, {when}; acts: {acts}{ending}"

    def names(self) -> frozenset[str]:
        """Return the names of its faults."""
        return frozenset(fault.name for fault in self.faults)


def round_of(seed: str, number: int) -> Round:
    """Return one round; it depends on nothing else, so it can be repeated without those before it."""
    rng = Random(f"{seed}/{number}")
    # one fault or two, and now and then traffic and endings alone
    chosen = rng.sample(kinds(), rng.choice((0, 1, 1, 1, 2, 2, 2, 2)))
    lasts = round(rng.uniform(0.2, LONGEST), 2)
    deeds = [rng.choice(list(Deed)) for _ in range(rng.randint(1, MOST_ACTS))]
    acts = [Act(round(rng.uniform(0.0, lasts), 2), deed, rng.randrange(4)) for deed in deeds]
    ending = rng.choice((Ending.NOTHING,) * 4 + (Ending.KILL, Ending.STOP))
    return Round(
        number,
        rng.choice(list(Moment)),
        round(rng.choice((0.0, rng.uniform(0.0, 0.05), rng.uniform(0.0, 1.0))), 3),
        tuple(_drawn(kind, rng) for kind in chosen),
        lasts,
        tuple(sorted(acts, key=lambda act: act.at)),
        ending,
        round(rng.uniform(0.0, lasts), 2),
        rng.random() < 0.7,  # noqa: PLR2004 - the other rounds wait for the bot's own attempt
    )


def rounds(seed: str, lane: int, lanes: int) -> Iterator[Round]:
    """Yield the rounds of one lane, without end; lanes share the numbers among them."""
    number = lane
    while True:
        yield round_of(seed, number)
        number += lanes


def ready_within(one: Round) -> float:
    """Return the seconds in which the bot is READY again, from the moment in which all is healed.

    The last loss may be noticed only then; the attempt that follows comes after the wait that the troubles of this
    round have earned, unless an operator asks for it.
    """
    noticed = PROBE_AFTER + PROBE_MISSES * PROBE_TIMEOUT + max(CLOSE_TIMEOUT, CONNECT_TIMEOUT, CONFIG_SILENCE)
    away = sum(float(value) for fault in one.faults for name, value in fault.values if fault.name == "reboot")
    waits = 2 * LADDER[0] if one.asks_to_reconnect else LADDER[0] + LADDER[min(troubles(one.lasts), len(LADDER) - 1)]
    return noticed + away + waits + ATTEMPT


def troubles(seconds: float) -> int:
    """Return how many attempts can at most fail in so many seconds on a node that accepts and does not deliver."""
    count, at = 0, 0.0
    while at < seconds:
        at += CONFIG_SILENCE + LADDER[min(count, len(LADDER) - 1)] * 0.8
        count += 1
    return count


def smaller(one: Round) -> Iterator[Round]:
    """Yield rounds with less in them, those with the least first: a failing one is replaced by what still fails."""
    if one.acts:
        yield replace(one, acts=())
    if one.ending is not Ending.NOTHING:
        yield replace(one, ending=Ending.NOTHING)
    for fault in one.faults:
        yield replace(one, faults=tuple(each for each in one.faults if each is not fault))
    for act in one.acts if len(one.acts) > 1 else ():
        yield replace(one, acts=tuple(each for each in one.acts if each is not act))


def _drawn(kind: Kind, rng: Random) -> Fault:
    values = [(name, rng.choice(list(choices))) for name, choices in kind.ranges.items()]
    if kind.name in OF_A_VICTIM and kind.part is Part.NODE:
        values.append(("victim", rng.choice(VICTIMS)))
    return Fault(kind.part, kind.name, tuple(values))
