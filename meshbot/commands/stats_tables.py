"""The traffic in figures where there is room for columns; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from meshbot.commands.formatting import as_many_as_fit, lines_that_fit, share
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Request
from meshbot.commands.tables import facts, table
from meshbot.mesh_memory import Share, Totals

BAR_CELLS: Final = 20  # of the longest bar
LEAST_LINE: Final = 12  # bytes of a line of shares_in_columns: more lines than fit so need not be looked at
KILOBYTE: Final = 1000


def totals_in_lines(totals: Totals, air: tuple[float, float] | None, hours: int, request: Request) -> str:
    """Return a line for each figure; `air` is how busy the channel was and how much our own node sent, percent."""
    tr = request.translate

    def part(packets: int) -> str:
        return f"{packets} ({share(packets, totals.packets)})"

    lines = facts(
        [
            (tr(_("packets")), str(totals.packets)),
            (tr(_("size")), f"{totals.size / KILOBYTE:.1f}kB"),
            (tr(_("nodes")), str(totals.nodes)),
            (tr(_("direct")), part(totals.direct)),
            (tr(_("relayed")), part(totals.relayed)),
            ("MQTT", part(totals.via_mqtt)),
            (tr(_("encrypted")), part(totals.encrypted)),
            (tr(_("channel busy")), "" if air is None else f"{air[0]:.1f}%"),
            (tr(_("sending")), "" if air is None else f"{air[1]:.1f}%"),
        ]
    )
    return lines_that_fit([tr(_("📊 Traffic in {hours}h")).format(hours=hours), *lines], request.limit)


def shares_in_columns(head: str, shares: Sequence[Share], name: Callable[[int | None], str], request: Request) -> str:
    """Return a line for each part of the traffic, as far as they fit."""
    whole = sum(each.packets for each in shares)
    rows = [
        (name(each.key), str(each.packets), share(each.packets, whole), f"{each.size / KILOBYTE:.1f}")
        for each in shares[: request.limit // LEAST_LINE]
    ]
    titles, *lines = table(["", request.translate(_("packets")), "%", "kB"], rows, right={1, 2, 3})
    return as_many_as_fit(f"{head}\n{titles}", lines, len(shares), request.limit)


def columns_in_lines(columns: Sequence[int], step: int, hours: int, request: Request) -> str:
    """Return a bar for each `step` hours, the latest first, for what does not fit is the oldest."""
    tr = request.translate
    most = max(columns)
    rows = [
        (f"{place * step}h", "█" * round(BAR_CELLS * count / most) or "▏" * bool(count), str(count))
        for place, count in enumerate(reversed(columns))
    ]
    titles, *lines = table([tr(_("age")), "", tr(_("packets"))], rows, right={0})
    head = tr(_("📈 Packets in {hours}h: {count}")).format(hours=hours, count=sum(columns))
    return as_many_as_fit(f"{head}\n{titles}", lines, len(lines), request.limit)
