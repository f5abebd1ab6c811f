"""/status: the state of the link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meshbot.commands.formatting import duration, joined, lines_that_fit
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_link import LinkFigures
from meshbot.nodes import NodeCounts

IN_SHORT: Final = (_("queue: {count}"), _("keys: {keys}/{nodes}"))
IN_WORDS: Final = (_("packets waiting for the radio: {count}"), _("nodes whose public key is known: {keys} of {nodes}"))
EXAMPLES: Final = (
    Example(
        "/status",
        "🔗 link up for 3 h 12 min; reconnections: 1 in 1 h, 4 in 24 h; last outage: 12 s, 40 min ago; "
        "probe: 35 ms; queue: 2; keys: 38/42",
    ),
    Example(
        "/status",
        "🔗 link up for 3 h 12 min\nreconnections: 1 in 1 h, 4 in 24 h\nlast outage: 12 s, 40 min ago\n"
        "probe: 35 ms\npackets waiting for the radio: 2\nnodes whose public key is known: 38 of 42\n"
        "keys changed, to be confirmed: 1",
        platform=Platform.TELEGRAM,
    ),
)


def status_command(
    link: Callable[[], LinkFigures], waiting: Callable[[], int], counts: Callable[[], NodeCounts]
) -> Command:
    """Make the command; `waiting` returns how many packets wait for the radio."""

    def run(request: Request) -> str:
        """Return the figures in one packet, or a line each."""
        tr, figures, known = request.translate, link(), counts()
        queue, keys = IN_WORDS if request.wide else IN_SHORT
        parts = [
            state(figures, tr),
            tr(_("reconnections: {hour} in 1 h, {day} in 24 h")).format(hour=figures.last_hour, day=figures.last_day),
            *_outage(figures, tr),
            *probe(figures, tr),
            tr(queue).format(count=waiting()),
            tr(keys).format(keys=known.keys, nodes=known.nodes),
        ]
        if not request.wide:
            return joined(parts, tr)
        if known.pending:
            parts.append(tr(_("keys changed, to be confirmed: {count}")).format(count=known.pending))
        return lines_that_fit(parts, request.limit)

    return Command(
        name="status",
        summary=_("tells how the link to the node is doing"),
        run=run,
        examples=EXAMPLES,
    )


def state(figures: LinkFigures, tr: Translate) -> str:
    """Return whether the link is up, and since when."""
    if figures.ready_for is not None:
        return tr(_("🔗 link up for {time}")).format(time=duration(figures.ready_for, tr))
    if figures.down_for is not None:
        return tr(_("✂️ link down for {time}")).format(time=duration(figures.down_for, tr))
    return tr(_("✂️ no link yet"))


def _outage(figures: LinkFigures, tr: Translate) -> list[str]:
    if figures.last_outage is None or figures.since_outage is None:
        return []
    lasted, ago = duration(figures.last_outage, tr), duration(figures.since_outage, tr)
    return [tr(_("last outage: {lasted}, {ago} ago")).format(lasted=lasted, ago=ago)]


def probe(figures: LinkFigures, tr: Translate) -> list[str]:
    """Return the round trip of the node's last answer, if there is one."""
    if figures.round_trip is None:
        return []
    return [tr(_("probe: {time} ms")).format(time=round(figures.round_trip * 1000))]
