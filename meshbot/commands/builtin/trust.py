"""/trust: an operator's word for a public key that waits."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Protocol

from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import Directory, label, only_one
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role
from meshbot.nodes import brief


class WaitingKeys(Protocol):
    """What the bot knows of keys that wait."""

    def pending_keys(self) -> dict[int, set[bytes]]:
        """Return the keys that differ from the trusted one."""


def trust_command(ring: WaitingKeys, directory: Directory, trust: Callable[[int, bytes], bool]) -> Command:
    """Make the command; `trust(num, key)` returns whether the key is trusted now, and may wait for the disk."""

    def run(request: Request) -> str:
        """Trust the one key that is meant, or say which there are."""
        tr = request.translate
        words = request.argument.split()
        if not words:
            return tr(_("Whose key? /trust <node> [how the key begins]; /keys tells which wait."))
        wanted, beginning = request.argument, ""
        found = directory.find_nodes(wanted)
        if not found and len(words) > 1:  # the last word is no part of the name
            wanted, beginning = " ".join(words[:-1]), words[-1]
            found = directory.find_nodes(wanted)
        node = only_one(found, wanted, request)
        if isinstance(node, str):
            return node
        waiting = sorted(ring.pending_keys().get(node.num, ()))
        if not waiting:
            return tr(_("No other key waits for {node}.")).format(node=label(node))
        meant = [key for key in waiting if b64encode(key).decode().startswith(beginning.removesuffix("…"))]
        if len(meant) != 1:
            return tr(_("Which one of {node}? {keys}")).format(node=label(node), keys=_listed(waiting))
        if not trust(node.num, meant[0]):
            return tr(_("⚠️ That key cannot be trusted."))
        return tr(_("🔑 {node}: {key} is trusted now.")).format(node=label(node), key=brief(meant[0]))

    return Command(
        name="trust",
        usage=_("<node> [key]"),
        summary=_("trusts a node's changed public key, on your word"),
        run=run,
        role=Role.ADMIN,
        examples=(
            Example("/trust 1ef0", "🔑 Bruno !20001ef0: AAkAAAAA… is trusted now."),
            Example("/trust bruno AAkA", "🔑 Bruno !20001ef0: AAkAAAAA… is trusted now."),
            Example("/trust alice", "No other key waits for Alice !20001eef."),
            Example("/trust", "Whose key? /trust <node> [how the key begins]; /keys tells which wait."),
        ),
    )


def _listed(keys: Iterable[bytes]) -> str:
    return ", ".join(map(brief, keys))
