"""What must hold, as rules over what was seen; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chaos.bot import Gauge

# Seconds before a kill or a disk that fails: what was accepted in them may be lost, docs/decisions/0007-sending.md
UNSAVED: Final = 4.0
# Seconds in which the bot promises to stop
STOP_WITHIN: Final = 3.0
# Beyond what a process had after its first rounds
MORE_THREADS: Final = 6
MORE_DESCRIPTORS: Final = 16
MORE_MEMORY: Final = 40_000  # kB


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One public key in the bot's database."""

    num: int
    key: bytes
    status: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text or a question that the bot has taken."""

    text: str
    at: float  # seconds, monotonic
    may_be_lost: bool = False  # by a kill soon after
    may_be_repeated: bool = False  # a fault said that it had not arrived, or hid that it had
    refused: bool = False  # out loud


def lost_and_repeated(accepted: Iterable[Accepted], on_air: Mapping[str, int], waiting: Collection[str]) -> list[str]:
    """Return what is neither on air nor waiting nor refused, and what went on air under several ids.

    `on_air`: by text or question, under how many ids it was sent; `waiting`: those that still wait in the database.
    """
    found = []
    for each in accepted:
        count = on_air.get(each.text, 0)
        if not count and not (each.refused or each.may_be_lost or each.text in waiting):
            found.append(f"accepted, and then neither sent nor refused: {each.text!r}")
        if count > 1 and not each.may_be_repeated:
            found.append(f"sent {count} times: {each.text!r}")
    return found


def broken_keys(
    before: Iterable[KeyRow], after: Iterable[KeyRow], genuine: Mapping[int, Collection[bytes]]
) -> list[str]:
    """Return keys that were lost, emptied, or trusted although nobody but an impostor had them.

    `genuine`: by number, the keys that the node itself has ever had or its own radio's database has held.
    """
    rows = {(row.num, row.key) for row in after}
    found = [f"the key of !{row.num:08x} was lost" for row in before if (row.num, row.key) not in rows]
    for row in after:
        if not row.key:
            found.append(f"an empty key of !{row.num:08x}")
        if row.status == "trusted" and row.num in genuine and row.key not in genuine[row.num]:
            found.append(f"a key of !{row.num:08x} is trusted that it never had")
    return found


def growth(first: Gauge, last: Gauge) -> list[str]:
    """Return what has grown beyond its allowance."""
    rises = (
        ("threads", last.threads - first.threads, MORE_THREADS),
        ("descriptors", last.descriptors - first.descriptors, MORE_DESCRIPTORS),
        ("kB of memory", last.memory - first.memory, MORE_MEMORY),
    )
    return [f"{rise} {name} more than in the beginning" for name, rise, most in rises if rise > most]
