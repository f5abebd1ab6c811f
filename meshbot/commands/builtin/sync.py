"""/sync: puts the trusted public keys into the present interface now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from meshbot.commands.formatting import joined
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role
from meshbot.nodes import KeyTally, NodeCounts


class SyncedNodes(Protocol):
    """What the bot knows of nodes; NodeManager is one."""

    def counts(self) -> NodeCounts:
        """Return how much is known."""
        ...

    def sync_pubkeys_to_interface(self, interface: Any, force: bool = False) -> int:  # noqa: FBT001, FBT002 - specified so
        """Put trusted keys into the interface's nodes; return how many."""
        ...

    @property
    def synced(self) -> bool:
        """Whether the last synchronisation succeeded."""
        ...


def sync_command(
    nodes: SyncedNodes, interface_of: Callable[[], object | None], tally: Callable[[], KeyTally | None]
) -> Command:
    """Make the command.

    `interface_of` returns the present interface, None without a link; `tally` compares the trusted keys with the
    radio's, which no sync changes; None while these are not known.
    """

    def run(request: Request) -> str:
        """Sync, and report the counts."""
        tr = request.translate
        interface = interface_of()
        injected = 0 if interface is None else nodes.sync_pubkeys_to_interface(interface, force=True)
        if interface is None or not nodes.synced:
            return tr(_("⚠️ No sync: no link, or an error that the log tells. The next link brings one."))
        known = nodes.counts()
        text = tr.ngettext(
            "🔑 Keys put back: {injected}; known: {keys} for {nodes} node",
            "🔑 Keys put back: {injected}; known: {keys} for {nodes} nodes",
            known.nodes,
        )
        parts = [text.format(injected=injected, keys=known.keys, nodes=known.nodes)]
        if (found := tally()) is not None:
            parts.append(tr(_("in the radio: {held} of {keys}")).format(held=found.held, keys=found.trusted))
        return joined(parts, tr)

    return Command(
        name="sync",
        summary=_("gives the public keys back to the link now"),
        run=run,
        role=Role.ADMIN,
        examples=(Example("/sync", "🔑 Keys put back: 3; known: 38 for 42 nodes; in the radio: 36 of 38"),),
    )
