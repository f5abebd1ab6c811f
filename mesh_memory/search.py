"""Which nodes a person means by a name, a short name, `!hex`, hex, or the end of it; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LEAST_HEX: Final = 2  # digits; the firmware's own short names are four


def search(text: str, names: Iterable[tuple[int, str, str]]) -> list[int]:
    """Return the numbers of the nodes (number, short name, long name) that `text` means, in their order.

    Whatever matches exactly (a whole name in any case, a whole id) goes before ends of ids, these before beginnings
    of names, these before parts of names: only the first of these that anything matches counts.
    """
    wanted = text.strip().casefold()
    if not wanted:
        return []
    found: list[list[int]] = [[], [], [], []]
    digits = wanted.removeprefix("!")
    is_hex = re.fullmatch(rf"[0-9a-f]{{{LEAST_HEX},8}}", digits) is not None
    for num, short_name, long_name in names:
        rank = _rank(wanted, digits if is_hex else "", num, (short_name.casefold(), long_name.casefold()))
        if rank is not None:
            found[rank].append(num)
    return next((nums for nums in found if nums), [])


def _rank(wanted: str, digits: str, num: int, names: tuple[str, str]) -> int | None:
    ident = f"{num:08x}"
    if wanted in names or digits == ident:
        return 0
    if digits and ident.endswith(digits):
        return 1
    if wanted.startswith("!"):
        return None
    if any(name.startswith(wanted) for name in names):
        return 2
    return 3 if any(wanted in name for name in names) else None
