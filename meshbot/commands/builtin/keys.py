"""/keys: the known public keys, those that changed and those that several nodes share."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from meshbot.commands.formatting import ident, joined, lines_that_fit
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import Directory, called, label, one_node
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_memory import NodeView
from meshbot.nodes import KeyTally, NodeCounts, brief

SHOWN = 3  # nodes named in one list


class KeyRing(Protocol):
    """The bot's public keys; NodeManager is one."""

    def counts(self) -> NodeCounts:
        """Return how much is known."""

    def public_key(self, num: int) -> bytes | None:
        """Return the trusted key."""

    def pending_keys(self) -> dict[int, set[bytes]]:
        """Return by node number the keys that differ from the trusted one."""

    def duplicates(self) -> dict[bytes, list[int]]:
        """Return each key that several nodes share."""


class KeyedInterface(Protocol):
    """The part of the interface that shows the radio's keys."""

    @property
    def radio_keys(self) -> Mapping[int, bytes]:
        """The keys in the radio's own database, by node number."""


def keys_command(
    ring: KeyRing,
    directory: Directory,
    interface_of: Callable[[], KeyedInterface | None],
    tally: Callable[[], KeyTally | None],
) -> Command:
    """Make the command.

    `interface_of` returns the present interface, None without a link; `tally` compares the trusted keys with the
    radio's, None while these are not known.
    """

    def run(request: Request) -> str:
        """Describe all keys, or one node's."""
        tr, interface = request.translate, interface_of()
        radio_keys = None if interface is None else interface.radio_keys
        if not request.argument:
            return _overview(ring, directory, tally(), request)
        node = one_node(request, directory)
        if isinstance(node, str):
            return node
        if request.wide:
            return _of_node_at_length(node, ring, directory, radio_keys, request)
        return _of_node(node, ring, directory, radio_keys, tr)

    return Command(
        name="keys",
        usage=_("[node]"),
        summary=_("tells which public keys are known, changed or shared"),
        run=run,
        examples=(
            Example(
                "/keys",
                "🔑 known: 38 for 42 nodes; in the radio: 36 of 38; changed: 1 (Bruno); ⚠️ same key: Carole = Copie",
            ),
            Example(
                "/keys",
                "🔑 known: 38 for 42 nodes\nin the radio: 36 of 38\nchanged: 1\n· Bruno !20001ef0\n"
                "⚠️ same key on several nodes: 1\n· Carole !20001ef1 = Copie !20001ef2",
                platform=Platform.TELEGRAM,
            ),
            Example("/keys alice", "🔑 Alice !20001eef: AAEAAAAA…; radio: the same"),
            Example("/keys 1ef0", "🔑 Bruno !20001ef0: AAIAAAAA…; radio: none; ⚠️ another one waits: AAkAAAAA…"),
            Example(
                "/keys 1ef0",
                "🔑 Bruno !20001ef0\nAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\nradio: none\n"
                "⚠️ another one waits: AAkAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=",
                platform=Platform.TELEGRAM,
            ),
            Example(
                "/keys carole", "🔑 Carole !20001ef1: AAMAAAAA…; radio: another; ⚠️ the same as Copie: copied or stolen"
            ),
            Example("/keys zzz", "I know no node « zzz »."),
        ),
    )


def _overview(ring: KeyRing, directory: Directory, radio: KeyTally | None, request: Request) -> str:
    tr = request.translate
    known, pending, shared = ring.counts(), ring.pending_keys(), ring.duplicates()
    text = tr.ngettext("🔑 known: {keys} for {nodes} node", "🔑 known: {keys} for {nodes} nodes", known.nodes)
    parts = [text.format(keys=known.keys, nodes=known.nodes)]
    if radio is not None:
        parts.append(tr(_("in the radio: {held} of {keys}")).format(held=radio.held, keys=radio.trusted))
        if radio.different:
            parts.append(tr(_("⚠️ it holds {count} differently")).format(count=radio.different))
    if request.wide:
        return _overview_at_length(parts, ring, directory, request)
    if pending:
        names = _listed((called(directory, num) for num in sorted(pending)), ", ")
        parts.append(tr(_("changed: {count} ({nodes})")).format(count=len(pending), nodes=names))
    if shared:
        groups = (_listed((called(directory, num) for num in sorted(nums)), " = ") for nums in shared.values())
        parts.append(tr(_("⚠️ same key: {nodes}")).format(nodes=_listed(groups, ", ")))
    return joined(parts, tr)


def _of_node(
    node: NodeView, ring: KeyRing, directory: Directory, radio: Mapping[int, bytes] | None, tr: Translate
) -> str:
    num = node.num
    key = ring.public_key(num)
    trusted = brief(key) if key else tr(_("no key known"))
    parts = [f"🔑 {label(node)}: {trusted}"]
    if radio is not None:
        parts.append(_in_radio(key, radio.get(num), tr))
    if waiting := sorted(ring.pending_keys().get(num, ())):
        parts.append(tr(_("⚠️ another one waits: {keys}")).format(keys=_listed(map(brief, waiting), ", ")))
    if key and (others := [other for other in ring.duplicates().get(key, []) if other != num]):
        names = _listed((called(directory, other) for other in sorted(others)), ", ")
        parts.append(tr(_("⚠️ the same as {nodes}: copied or stolen")).format(nodes=names))
    return joined(parts, tr)


def _in_radio(key: bytes | None, in_radio: bytes | None, tr: Translate) -> str:
    if in_radio is None:
        return tr(_("radio: none"))
    return tr(_("radio: the same")) if in_radio == key else tr(_("radio: another"))


def _listed(items: Iterable[str], between: str) -> str:
    shown = list(items)
    return between.join(shown[:SHOWN]) + (" …" if len(shown) > SHOWN else "")


# -- with room


def _overview_at_length(parts: Sequence[str], ring: KeyRing, directory: Directory, request: Request) -> str:
    """Return the parts and a line for each node with a changed key and for each shared key, as far as they fit."""
    tr, pending, shared = request.translate, ring.pending_keys(), ring.duplicates()
    lines = [*parts]
    if pending:
        lines.append(tr(_("changed: {count}")).format(count=len(pending)))
        lines += [f"· {_called(directory, num)}" for num in sorted(pending)]
    if shared:
        lines.append(tr(_("⚠️ same key on several nodes: {count}")).format(count=len(shared)))
        lines += ["· " + _listed((_called(directory, num) for num in sorted(nums)), " = ") for nums in shared.values()]
    return lines_that_fit(lines, request.limit)


def _of_node_at_length(
    node: NodeView, ring: KeyRing, directory: Directory, radio: Mapping[int, bytes] | None, request: Request
) -> str:
    """Return the keys in full, a line each."""
    num, tr = node.num, request.translate
    key = ring.public_key(num)
    lines = [f"🔑 {_called(directory, num)}", _in_full(key) if key else tr(_("no key known"))]
    if radio is not None:
        lines.append(_in_radio(key, radio.get(num), tr))
    waits = tr(_("⚠️ another one waits: {keys}"))
    lines += [waits.format(keys=_in_full(each)) for each in sorted(ring.pending_keys().get(num, ()))]
    same = tr(_("⚠️ the same as {nodes}: copied or stolen"))
    others = [other for other in ring.duplicates().get(key or b"", []) if other != num]
    lines += [same.format(nodes=_called(directory, other)) for other in sorted(others)]
    return lines_that_fit(lines, request.limit)


def _called(directory: Directory, num: int) -> str:
    return f"{called(directory, num)} {ident(num)}"


def _in_full(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
