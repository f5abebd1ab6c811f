"""/propag: the longest links heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meshbot.commands.formatting import as_many_as_fit, decibels, length, table, whole_number
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import called
from meshbot.commands.registry import PREFIX, Command, Example, Platform, Request
from meshbot.mesh_memory import Link, MeshMemory

DEFAULT_HOURS, MOST_HOURS = 24, 24 * 30
DEFAULT_LINKS, MOST_LINKS = 3, 10
WIDE_LINKS, MOST_WIDE_LINKS = 10, 50  # in a wide answer
MOST_BYTES: Final = 560  # three packets, with their numbers


EXAMPLES: Final = (
    Example(
        "/propag",
        "📏 Longest links in 24h:\n114km Carol → Bob Fourvière -12.0dB\n7.4km Alice → Bob Fourvière 2.5dB\n"
        "6.4km Alice → Relais -4.5dB",
    ),
    Example(
        "/propag",
        "📏 Longest links in 24h:\n"
        "dist. from          to               dB\n"
        "114km Carol         Bob Fourvière -12.0\n"
        "7.4km Alice         Bob Fourvière   2.5\n"
        "6.4km Alice         Relais         -4.5\n"
        "1.4km Bob Fourvière Relais          9.5",
        platform=Platform.TELEGRAM,
    ),
    Example("/propag 24 1", "📏 Longest links in 24h:\n114km Carol → Bob Fourvière -12.0dB"),
    Example("/propag far", "How many hours, how many links? For example: /propag 24 5"),
)


def propag_command(memory: MeshMemory) -> Command:
    """Make the command."""

    def run(request: Request) -> str:
        tr = request.translate
        asked = parse_argument(request.argument, *((WIDE_LINKS, MOST_WIDE_LINKS) if request.wide else ()))
        if asked is None:
            text = tr(_("How many hours, how many links? For example: {question}"))
            return text.format(question=f"{PREFIX}{request.command} 24 5")
        hours, count = min(asked[0], memory.hours_kept), asked[1]
        links = one_direction(memory.longest_links(hours, 2 * count))[:count]
        if not links:
            text = tr(_("📏 No link of known length in {hours}h: both nodes must tell their position."))
            return text.format(hours=hours)
        head = tr(_("📏 Longest links in {hours}h:")).format(hours=hours)
        if request.wide:
            first, *lines = _table(memory, links, tr)
            return as_many_as_fit(f"{head}\n{first}", lines, len(lines), request.limit)
        return as_many_as_fit(head, [_line(memory, link) for link in links], len(links), MOST_BYTES)

    return Command(
        name="propag",
        aliases=("propagation",),
        usage=_("[hours] [links]"),
        summary=_("tells the longest links heard, with their distance"),
        run=run,
        has_table=True,
        examples=EXAMPLES,
    )


def parse_argument(
    argument: str, default_links: int = DEFAULT_LINKS, most_links: int = MOST_LINKS
) -> tuple[int, int] | None:
    """Return the hours and the number of links, each within its bounds; None for any other argument."""
    words = argument.lower().split()
    hours = whole_number(words[0].removesuffix("h"), 1, MOST_HOURS) if words else DEFAULT_HOURS
    count = whole_number(words[1], 1, most_links) if len(words) > 1 else default_links
    return None if hours is None or count is None or len(words) > 2 else (hours, count)  # noqa: PLR2004 - both


def one_direction(links: Sequence[Link]) -> list[Link]:
    """Return the links without those whose opposite direction comes before them."""
    found: dict[frozenset[int], Link] = {}
    for link in links:
        found.setdefault(frozenset((link.hearer, link.heard)), link)
    return list(found.values())


def _line(memory: MeshMemory, link: Link) -> str:
    way = f"{called(memory, link.heard)} → {called(memory, link.hearer)}"
    return " ".join(filter(None, [length(link.distance or 0.0), way, "" if link.snr is None else decibels(link.snr)]))


def _table(memory: MeshMemory, links: Sequence[Link], tr: Translate) -> list[str]:
    rows = [
        (
            length(link.distance or 0.0),
            called(memory, link.heard),
            called(memory, link.hearer),
            "" if link.snr is None else f"{link.snr:.1f}",
        )
        for link in links
    ]
    return table([tr(_("dist.")), tr(_("from")), tr(_("to")), "dB"], rows, right={0, 3})
