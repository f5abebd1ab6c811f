"""/trust: accepts a node's changed public key by the operator's decision."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import Directory, label, only_one
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role
from meshbot.commands.teaching import taught
from meshbot.nodes import Outcome, brief


class PendingKeys(Protocol):
    """What the bot knows of keys that the operator has not confirmed; NodeManager is one."""

    def pending_keys(self) -> dict[int, set[bytes]]:
        """Return by node number the keys that differ from the trusted one."""
        ...

    def confirm_key(self, num: int, key: bytes) -> bool:
        """Trust `key` by the operator's decision; False for an impossible key. May wait for the disk."""
        ...

    def sync_pubkeys_to_interface(self, interface: Any, force: bool = False) -> int:  # noqa: FBT001, FBT002 - specified so
        """Put trusted keys into the interface's nodes; return how many."""
        ...


def trust_command(
    nodes: PendingKeys,
    directory: Directory,
    interface_of: Callable[[], object | None],
    teach: Callable[[int], Outcome],
) -> Command:
    """Make the command.

    `interface_of` returns the present interface, None without a link; `teach` has the radio learn a node's trusted key,
    and returns within seconds what came of it.
    """

    def run(request: Request) -> str:
        """Trust the one key that the argument means, or list the candidates."""
        tr = request.translate
        words = request.argument.split()
        if not words:
            return tr(_("Whose key? /trust <node> [how the key begins]; /keys tells which wait."))
        wanted, beginning = request.argument, ""
        found = directory.find_nodes(wanted)
        # the last word is no part of the name
        if not found and len(words) > 1:
            wanted, beginning = " ".join(words[:-1]), words[-1]
            found = directory.find_nodes(wanted)
        node = only_one(found, wanted, request)
        if isinstance(node, str):
            return node
        pending = sorted(nodes.pending_keys().get(node.num, ()))
        if not pending:
            none = tr(_("No other key waits for {node}.")).format(node=label(node))
            outcome = teach(node.num)
            return none if outcome in {Outcome.HELD, Outcome.NO_KEY} else f"{none} {taught(outcome, tr)}"
        meant = [key for key in pending if b64encode(key).decode().startswith(beginning.removesuffix("…"))]
        if len(meant) != 1:
            return tr(_("Which one of {node}? {keys}")).format(node=label(node), keys=_listed(pending))
        if not _trust(nodes, node.num, meant[0], interface_of()):
            return tr(_("⚠️ That key cannot be trusted."))
        trusted = tr(_("🔑 {node}: {key} is trusted now.")).format(node=label(node), key=brief(meant[0]))
        return f"{trusted} {taught(teach(node.num), tr)}"

    return Command(
        name="trust",
        usage=_("<node> [key]"),
        summary=_("trusts a node's changed public key, on your word"),
        run=run,
        role=Role.ADMIN,
        examples=(
            Example("/trust 1ef0", "🔑 Bruno !20001ef0: AAkAAAAA… is trusted now. The radio has it."),
            Example("/trust bruno AAkA", "🔑 Bruno !20001ef0: AAkAAAAA… is trusted now. The radio has it."),
            Example("/trust alice", "No other key waits for Alice !20001eef."),
            Example("/trust", "Whose key? /trust <node> [how the key begins]; /keys tells which wait."),
        ),
    )


def _trust(nodes: PendingKeys, num: int, key: bytes, interface: object | None) -> bool:
    """Trust the key, and put it into the present interface."""
    trusted = nodes.confirm_key(num, key)
    if trusted and interface is not None:
        nodes.sync_pubkeys_to_interface(interface)
    return trusted


def _listed(keys: Iterable[bytes]) -> str:
    return ", ".join(map(brief, keys))
