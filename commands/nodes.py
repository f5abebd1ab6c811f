"""/nodes: who is heard without a relay."""

from __future__ import annotations

from typing import Final

from commands.language import Translate
from commands.language import mark as _
from commands.registry import PREFIX, Command, Example, Request
from commands.words import DAY, age, decibels, name_of, page_of, whole_number
from mesh_memory.memory import MeshMemory
from mesh_memory.views import DirectNode
from runtime.clock import Clock

DAYS: Final = 3
MOST_PAGES: Final = 10_000


def nodes_command(memory: MeshMemory, clock: Clock) -> Command:
    """Make the command."""

    def run(request: Request) -> str:
        tr = request.translate
        page = whole_number(request.argument or "1", 1, MOST_PAGES)
        if page is None:
            return tr(_("Which page? For example: {question}")).format(question=f"{PREFIX}{request.command} 2")
        views = memory.direct_nodes(DAYS * DAY)
        if not views:
            return tr(_("📡 No node heard directly in {days} days.")).format(days=DAYS)
        now = clock.now().timestamp()
        lines = [_line(view, now, tr) for view in views]
        head = tr(_("📡 Direct nodes in {days} days: {count} (page {page}/{pages})"))
        return page_of(lambda at, of: head.format(days=DAYS, count=len(lines), page=at, pages=of), lines, page)

    return Command(
        name="nodes",
        aliases=("noeuds", "nœuds"),
        usage=_("[page]"),
        summary=_("lists the nodes heard directly in 3 days, the best signal first"),
        run=run,
        examples=(
            Example(
                "/nodes",
                "📡 Direct nodes in 3 days: 3 (page 1/1)\nBob Fourvière 9.5dB 2h\nAsker 6.0dB 5min\nAlice -4.5dB 2h",
            ),
            Example("/nodes two", "Which page? For example: /nodes 2"),
        ),
    )


def _line(view: DirectNode, now: float, tr: Translate) -> str:
    signal = "" if view.snr is None else decibels(view.snr)
    return " ".join(filter(None, [name_of(view), signal, age(now - view.direct_at, tr)]))
