"""Which nodes a person means by a name, a short name, `!hex`, hex, or the end of it; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Final

from meshbot.storage import NodeRow, NodeState
from meshbot.text import folded

# Digits; the firmware's own short names are four
LEAST_HEX: Final = 2
# Digits of an end of an id that is as good as a name: nobody takes a node's letters by being called like its id
WHOLE_END: Final = 4
NO_MATCH: Final = 4  # a rank behind all others
IDENT: Final = re.compile(rf"(!|0x)?([0-9a-f]{{{LEAST_HEX},8}})")

# Since when a node has been known by its name; inf: not
Since = Callable[[int], float]


def found_nodes(
    text: str,
    rows: Mapping[int, NodeRow],
    states: Mapping[int, NodeState],
    moved: Mapping[int, int],
    *,
    longer: bool,
) -> list[int]:
    """Return the present numbers of the nodes that `text` means, the latest heard first; see MeshMemory.find_nodes."""
    heard = {num: state.last_heard for num, state in states.items()}
    everybody = [(row.num, row.short_name, row.long_name) for row in rows.values()]
    everybody += ((num, "", "") for num in heard.keys() - rows.keys())

    def since(num: int) -> float:
        renamed = rows[num].renamed_at if num in rows else None
        state = states.get(num)
        first = inf if state is None else state.last_heard if state.first_heard is None else state.first_heard
        return max(first, renamed or 0)

    nums = search(text, everybody)
    if longer:
        nums += known_longer(text, nums, everybody, since)
    nums.sort(key=lambda num: heard.get(num, 0), reverse=True)
    return [*dict.fromkeys(moved.get(num, num) for num in nums)]


def search(text: str, names: Iterable[tuple[int, str, str]]) -> list[int]:
    """Return the numbers of the nodes (number, short name, long name) that `text` means, in their order.

    Whatever matches exactly (a whole name, a whole id, four digits of its end) goes before shorter ends of ids, these
    before beginnings of names, these before parts of names: only the first of these that anything matches counts.
    Names compare without case and accents; behind `!` or `0x`, digits are an id and nothing else, whatever somebody
    calls himself.
    """
    wanted = folded(text)
    if not wanted:
        return []
    ident = IDENT.fullmatch(wanted)
    digits, is_id = (ident[2], ident[1] is not None) if ident else ("", False)
    found: list[list[int]] = [[], [], [], []]
    for num, short_name, long_name in names:
        rank = _rank_of_id(digits, num)
        if rank == 1 and not is_id and len(digits) >= WHOLE_END:
            rank = 0
        elif rank != 0 and not is_id:
            rank = min(rank, _rank_of_names(wanted, folded(short_name), folded(long_name)))
        if rank < len(found):
            found[rank].append(num)
    return next((nums for nums in found if nums), [])


def known_longer(text: str, exact: Iterable[int], names: Iterable[tuple[int, str, str]], since: Since) -> list[int]:
    """Return the nodes whose name goes on after the words of `text`, known for longer than all that `text` means.

    Who came later and calls himself by the first word of another's name may be after what is written to the other.
    """
    wanted, newest = f"{folded(text)} ", min(map(since, exact), default=-inf)
    longer = (num for num, *called in names if any(folded(name).startswith(wanted) for name in called))
    return [num for num in longer if since(num) < newest]


def _rank_of_id(digits: str, num: int) -> int:
    ident = f"{num:08x}"
    if not digits or not ident.endswith(digits):
        return NO_MATCH
    return 0 if digits == ident else 1


def _rank_of_names(wanted: str, *names: str) -> int:
    if wanted in names:
        return 0
    if any(name.startswith(wanted) for name in names):
        return 2
    return 3 if any(wanted in name for name in names) else NO_MATCH
