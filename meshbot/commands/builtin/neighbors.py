"""/neighbors: who hears whom without a relay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from meshbot.commands.formatting import as_many_as_fit, decibels, length, name_of, table
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import called, one_node
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_memory import Link, MeshMemory, NodeView

# Nodes send their neighbours every few hours
HOURS: Final = 24
MOST_HEARD: Final = 2  # of each node, where all are listed


EXAMPLES: Final = (
    Example(
        "/neighbors",
        "👂 Who hears whom, 24h:\nRelais ← Bob Fourvière 9.5dB, Asker 6.0dB, +1\n"
        "Bob Fourvière ← Alice 2.5dB, Carol -12.0dB\nCarol ← Bob Fourvière -11.2dB",
    ),
    Example(
        "/neighbors bob",
        "👂 Bob Fourvière, 24h (← hears, → is heard by):\nRelais → 9.5dB\nAlice ← 2.5dB\nCarol ← -12.0dB → -11.2dB",
    ),
    Example(
        "/neighbors",
        "👂 Who hears whom, 24h:\n"
        "hearer        hears            dB dist.\n"
        "Relais        Bob Fourvière   9.5 1.4km\n"
        "              Asker           6.0\n"
        "              Alice          -4.5 6.4km\n"
        "Bob Fourvière Alice           2.5 7.4km\n"
        "              Carol         -12.0 114km\n"
        "Carol         Bob Fourvière -11.2",
        platform=Platform.TELEGRAM,
    ),
    Example(
        "/neighbors bob",
        "👂 Bob Fourvière, 24h (← hears, → is heard by):\n"
        "name    ← dB  → dB dist.\n"
        "Relais         9.5 1.4km\n"
        "Alice    2.5       7.4km\n"
        "Carol  -12.0 -11.2",
        platform=Platform.TELEGRAM,
    ),
    Example("/neighbors nobody", "I know no node « nobody »."),
)


def neighbors_command(memory: MeshMemory) -> Command:
    """Make the command."""

    def run(request: Request) -> str:
        if not request.argument:
            return _all(memory, request)
        view = one_node(request, memory)
        return view if isinstance(view, str) else _of_node(memory, view, request)

    return Command(
        name="neighbors",
        aliases=("neighbours", "voisins"),
        usage=_("[node]"),
        summary=_("tells who heard whom directly in 24 h"),
        run=run,
        has_table=True,
        examples=EXAMPLES,
    )


def _all(memory: MeshMemory, request: Request) -> str:
    """Return a line for each node that heard others, the latest first."""
    tr = request.translate
    by_hearer: dict[int, list[Link]] = {}
    for link in memory.neighbours_of(None, HOURS):
        by_hearer.setdefault(link.hearer, []).append(link)
    if not by_hearer:
        return tr(_("👂 Nobody has told whom it hears in {hours}h.")).format(hours=HOURS)
    head = tr(_("👂 Who hears whom, {hours}h:")).format(hours=HOURS)
    if request.wide:
        first, *rows = _links_table(memory, by_hearer, tr)
        return as_many_as_fit(f"{head}\n{first}", rows, len(rows), request.limit)
    lines = (f"{called(memory, hearer)} ← {_best(memory, links)}" for hearer, links in by_hearer.items())
    return as_many_as_fit(head, lines, len(by_hearer))


def _best(memory: MeshMemory, links: Sequence[Link]) -> str:
    best = sorted(links, key=_strength, reverse=True)
    shown = [f"{called(memory, link.heard)}{_signal(link)}" for link in best[:MOST_HEARD]]
    return ", ".join(shown + [f"+{len(best) - MOST_HEARD}"] * (len(best) > MOST_HEARD))


def _of_node(memory: MeshMemory, view: NodeView, request: Request) -> str:
    """Return a line for each neighbour of a node with both ways, the best signal first."""
    tr = request.translate
    ways: dict[int, dict[str, Link]] = {}
    for link in sorted(memory.neighbours_of(view.num, HOURS), key=_strength, reverse=True):
        arrow, other = ("←", link.heard) if link.hearer == view.num else ("→", link.hearer)
        ways.setdefault(other, {})[arrow] = link
    if not ways:
        text = tr(_("👂 {name}: no neighbours known in {hours}h."))
        return text.format(name=name_of(view), hours=HOURS)
    head = tr(_("👂 {name}, {hours}h (← hears, → is heard by):")).format(name=name_of(view), hours=HOURS)
    if request.wide:
        first, *rows = _ways_table(memory, ways, tr)
        return as_many_as_fit(f"{head}\n{first}", rows, len(rows), request.limit)
    lines = (
        called(memory, other) + "".join(f" {arrow}{_signal(links[arrow])}" for arrow in "←→" if arrow in links)
        for other, links in ways.items()
    )
    return as_many_as_fit(head, lines, len(ways))


def _strength(link: Link) -> tuple[bool, float]:
    return link.snr is not None, link.snr or 0.0


def _signal(link: Link) -> str:
    return "" if link.snr is None else f" {decibels(link.snr)}"


# -- with room


def _links_table(memory: MeshMemory, by_hearer: Mapping[int, Sequence[Link]], tr: Translate) -> list[str]:
    """Return the titles and a line for each link; a hearer's name stands at its best one."""
    rows = [
        (called(memory, hearer) if place == 0 else "", called(memory, link.heard), _level(link), _length(link))
        for hearer, links in by_hearer.items()
        for place, link in enumerate(sorted(links, key=_strength, reverse=True))
    ]
    return table([tr(_("hearer")), tr(_("hears")), "dB", tr(_("dist."))], rows, right={2, 3})


def _ways_table(memory: MeshMemory, ways: Mapping[int, Mapping[str, Link]], tr: Translate) -> list[str]:
    rows = [
        (called(memory, other), _level_of(links, "←"), _level_of(links, "→"), _length(next(iter(links.values()))))
        for other, links in ways.items()
    ]
    return table([tr(_("name")), "← dB", "→ dB", tr(_("dist."))], rows, right={1, 2, 3})


def _level_of(links: Mapping[str, Link], arrow: str) -> str:
    return (_level(links[arrow]) or "?") if arrow in links else ""


def _level(link: Link) -> str:
    return "" if link.snr is None else f"{link.snr:.1f}"


def _length(link: Link) -> str:
    return "" if link.distance is None else length(link.distance)
