"""/nodes: the nodes heard without a relay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Final

from meshbot.commands.formatting import DAY, age, decibels, length, name_of, pages_of, table, whole_number
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import OldNumber, moved_from_none, perhaps_formerly
from meshbot.commands.registry import PREFIX, Command, Example, Platform, Request
from meshbot.mesh_memory import DirectNode, MeshMemory, NodeView
from meshbot.runtime import Clock, TimedCache

DAYS: Final = 3
MOST_PAGES: Final = 10_000
# Seconds after its first page, and users; 100 kB each on a mesh of 2,000 nodes
LISTING_KEPT: Final = 900.0
LISTINGS: Final = 20
WIDE_LINES: Final = 50  # enough for a phone
# Of such a line at most: a name of 16 bytes may be padded by as many
LINE_BYTES: Final = 60
EXAMPLES: Final = (
    Example(
        "/nodes",
        "📡 Direct nodes in 3 days: 3 (page 1/1)\nBob Fourvière 9.5dB 2h\nAsker 6.0dB 5min\nAlice -4.5dB 2h",
    ),
    Example(
        "/nodes",
        "📡 Direct nodes in 3 days: 3 (page 1/1)\n"
        "name          id     dB  age dist.\n"
        "Bob Fourvière 1ef0  9.5   2h 1.4km\n"
        "Asker         1234  6.0 5min\n"
        "Alice         1eef -4.5   2h 6.4km",
        platform=Platform.TELEGRAM,
    ),
    Example("/nodes two", "Which page? For example: /nodes 2"),
)


def nodes_command(memory: MeshMemory, clock: Clock, old_number: OldNumber = moved_from_none) -> Command:
    """Make the command; `old_number` returns the silent node that a number says to be, without having proven it."""
    # a listing, as a function of the page: signals change while one reads, and pages must not
    listings: TimedCache[tuple[str, bool], Callable[[int], str]] = TimedCache(LISTING_KEPT, LISTINGS)

    def run(request: Request) -> str:
        tr = request.translate
        page = whole_number(request.argument or "1", 1, MOST_PAGES)
        if page is None:
            return tr(_("Which page? For example: {question}")).format(question=f"{PREFIX}{request.command} 2")
        key = request.user.account, request.wide
        known = listings.get(key, clock.monotonic()) if page > 1 else None
        if known is not None:
            return known[0](page)
        nodes = memory.direct_nodes(DAYS * DAY)
        if not nodes:
            return tr(_("📡 No node heard directly in {days} days.")).format(days=DAYS)
        listing = _listing(memory, nodes, clock, request, old_number)
        listings.put(key, listing, clock.monotonic())
        return listing(page)

    return Command(
        name="nodes",
        aliases=("noeuds", "nœuds"),
        usage=_("[page]"),
        summary=_("lists the nodes heard directly in 3 days, the best signal first"),
        run=run,
        has_table=True,
        examples=EXAMPLES,
    )


def _head(count: int, page: int, pages: int, tr: Translate) -> str:
    text = tr(_("📡 Direct nodes in {days} days: {count} (page {page}/{pages})"))
    return text.format(days=DAYS, count=count, page=page, pages=pages)


def _listing(
    memory: MeshMemory, nodes: Sequence[DirectNode], clock: Clock, request: Request, old_number: OldNumber
) -> Callable[[int], str]:
    """Return what gives each page of these nodes; a page too far is the last."""
    tr, count = request.translate, len(nodes)
    if request.wide:
        nums = tuple(near.num for near in nodes)
        return lambda page: _wide_page(memory, nums, page, clock.now().timestamp(), request, old_number)
    now = clock.now().timestamp()
    lines = [_line(near, perhaps_formerly(near.num, old_number, tr), now, tr) for near in nodes]
    pages = pages_of(lambda at, of: _head(count, at, of, tr), lines, request.limit)
    return lambda page: pages[min(page, len(pages)) - 1]


def _wide_page(  # noqa: PLR0917 - of one command
    memory: MeshMemory, nums: Sequence[int], page: int, now: float, request: Request, old_number: OldNumber
) -> str:
    """Return a page of the table, with the nodes' present figures; a page too far is the last."""
    tr = request.translate
    # two lines are the head and the titles
    lines = min(WIDE_LINES, max(1, request.limit // LINE_BYTES - 2))
    pages = ceil(len(nums) / lines)
    page = min(page, pages)
    shown = nums[(page - 1) * lines : page * lines]
    views = [view for num in shown if (view := memory.node(num)) is not None]
    return "\n".join([_head(len(nums), page, pages, tr), *_table(views, now, tr, old_number)])


def _line(view: DirectNode, formerly: str, now: float, tr: Translate) -> str:
    signal = "" if view.snr is None else decibels(view.snr)
    return " ".join(filter(None, [name_of(view), formerly, signal, age(now - view.direct_at, tr)]))


def _table(views: Sequence[NodeView], now: float, tr: Translate, old_number: OldNumber) -> list[str]:
    """Return the titles and a line for each node; the end of its id is enough for every `<node>`."""
    rows = [
        (
            f"{name_of(view)} {perhaps_formerly(view.num, old_number, tr)}".rstrip(),
            f"{view.num:08x}"[-4:],
            "" if view.snr is None else f"{view.snr:.1f}",
            age(now - (view.direct_at or 0), tr),
            _distance(view),
        )
        for view in views
    ]
    return table([tr(_("name")), "id", "dB", tr(_("age")), tr(_("dist."))], rows, right={2, 3, 4})


def _distance(view: NodeView) -> str:
    """Return how far away it is; `~` if it has fallen silent about its place, and may have moved."""
    return f"{'~' if view.hides_position else ''}{length(view.distance)}" if view.distance else ""
