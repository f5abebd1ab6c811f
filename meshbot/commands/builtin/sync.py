"""/sync: the public keys given back to the interface, now."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role
from meshbot.nodes import NodeCounts


def sync_command(sync: Callable[[], int | None], counts: Callable[[], NodeCounts]) -> Command:
    """Make the command; `sync` returns how many keys it put back, None if it could not."""

    def run(request: Request) -> str:
        """Sync, and tell the counts."""
        tr = request.translate
        injected = sync()
        if injected is None:
            return tr(_("⚠️ No sync: no link, or an error that the log tells. The next link brings one."))
        known = counts()
        text = tr.ngettext(
            "🔑 Keys put back: {injected}; known: {keys} for {nodes} node",
            "🔑 Keys put back: {injected}; known: {keys} for {nodes} nodes",
            known.nodes,
        )
        return text.format(injected=injected, keys=known.keys, nodes=known.nodes)

    return Command(
        name="sync",
        summary=_("gives the public keys back to the link now"),
        run=run,
        role=Role.ADMIN,
        examples=(Example("/sync", "🔑 Keys put back: 3; known: 38 for 42 nodes"),),
    )
