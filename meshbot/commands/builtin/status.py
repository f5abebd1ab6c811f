"""/status: the state of the link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from meshbot.commands.formatting import duration, joined, lines_that_fit
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_link import LinkFigures
from meshbot.nodes import KeyTally, Loss, NodeCounts

IN_SHORT: Final = _("queue: {count}")
IN_WORDS: Final = _("packets waiting for the radio: {count}")


class RadioMemory(Protocol):
    """What the radio holds and has lost; KeyCustody is one."""

    def tally(self) -> KeyTally | None:
        """Compare the trusted keys with the radio's; None while these are not known."""

    def loss(self) -> tuple[Loss, float] | None:
        """Return what the radio has lost within a day, and how many seconds ago."""


EXAMPLES: Final = (
    Example(
        "/status",
        "🔗 link up for 3 h 12 min; reconnections: 1 in 1 h, 4 in 24 h; last outage: 12 s, 40 min ago; "
        "probe: 35 ms; queue: 2; keys in the radio: 36/38",
    ),
    Example(
        "/status",
        "🔗 link up for 3 h 12 min\nreconnections: 1 in 1 h, 4 in 24 h\nlast outage: 12 s, 40 min ago\n"
        "probe: 35 ms\npackets waiting for the radio: 2\n"
        "trusted keys that the radio holds: 36 of 38, it lacks 2\nkeys changed, to be confirmed: 1",
        platform=Platform.TELEGRAM,
    ),
)


def status_command(
    link: Callable[[], LinkFigures], waiting: Callable[[], int], counts: Callable[[], NodeCounts], radio: RadioMemory
) -> Command:
    """Make the command; `waiting` returns how many packets wait for the radio."""

    def run(request: Request) -> str:
        """Return the figures in one packet, or a line each."""
        tr, figures, known = request.translate, link(), counts()
        parts = [
            state(figures, tr),
            tr(_("reconnections: {hour} in 1 h, {day} in 24 h")).format(hour=figures.last_hour, day=figures.last_day),
            *_outage(figures, tr),
            *probe(figures, tr),
            tr(IN_WORDS if request.wide else IN_SHORT).format(count=waiting()),
            in_radio(radio.tally(), known, tr, wide=request.wide),
            *_lost(radio.loss(), tr),
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


def in_radio(found: KeyTally | None, known: NodeCounts, tr: Translate, *, wide: bool) -> str:
    """Return how many trusted keys the radio holds, lacks and holds differently, in short or in words."""
    if found is None:
        return tr(_("trusted keys: {keys}; the radio's are not known")).format(keys=known.keys)
    text = _("trusted keys that the radio holds: {held} of {keys}") if wide else _("keys in the radio: {held}/{keys}")
    parts = [tr(text).format(held=found.held, keys=found.trusted)]
    if wide and found.lacking:
        parts.append(tr(_("it lacks {count}")).format(count=found.lacking))
    if found.different:
        parts.append(tr(_("⚠️ it holds {count} differently")).format(count=found.different))
    return ", ".join(parts)


def _lost(found: tuple[Loss, float] | None, tr: Translate) -> list[str]:
    if found is None:
        return []
    loss, ago = found
    nodes = tr(_("its nodes ({before} → {now})")).format(before=loss.before.nodes, now=loss.now.nodes)
    losses = (loss.key, tr(_("its key"))), (loss.nodes, nodes), (loss.region, tr(_("its region")))
    what = ", ".join(words for is_lost, words in losses if is_lost)
    return [tr(_("⚠️ the radio lost {what}, {ago} ago")).format(what=what, ago=duration(ago, tr))]


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
