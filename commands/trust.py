"""/trust: an operator's word for a public key that waits."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Protocol

from commands.language import mark as _
from commands.node_argument import Node, label, one_node
from commands.registry import Command, Example, Request
from commands.roles import Role
from storage.node_book import brief


class WaitingKeys(Protocol):
    """What the bot knows of keys that wait."""

    def names(self) -> list[Node]:
        """Return every node's names."""

    def pending_keys(self) -> dict[int, set[bytes]]:
        """Return the keys that differ from the trusted one."""


def trust_command(ring: WaitingKeys, trust: Callable[[int, bytes], bool]) -> Command:
    """Make the command; `trust(num, key)` returns whether the key is trusted now, and may wait for the disk."""

    def run(request: Request) -> str:
        """Trust the one key that is meant, or say which there are."""
        tr = request.translate
        words = request.argument.split()
        if not words:
            return tr(_("Whose key? /trust <node> [how the key begins]; /keys tells which wait."))
        node, beginning = one_node(request.argument, ring.names(), tr), ""
        if isinstance(node, str) and len(words) > 1:  # the last word is no part of the name
            node, beginning = one_node(" ".join(words[:-1]), ring.names(), tr), words[-1]
        if isinstance(node, str):
            return node
        waiting = sorted(ring.pending_keys().get(node[0], ()))
        if not waiting:
            return tr(_("No other key waits for {node}.")).format(node=label(node))
        meant = [key for key in waiting if b64encode(key).decode().startswith(beginning.removesuffix("…"))]
        if len(meant) != 1:
            return tr(_("Which one of {node}? {keys}")).format(node=label(node), keys=_listed(waiting))
        if not trust(node[0], meant[0]):
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
