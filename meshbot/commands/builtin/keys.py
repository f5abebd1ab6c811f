"""/keys: the known public keys and their states; one node's key, what it proves and since when."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from meshbot.commands.builtin.key_decisions import (
    SHOWN,
    WEAK,
    DecidableKeys,
    Deciding,
    decision_commands,
    doubts_of,
    whole_key,
)
from meshbot.commands.formatting import age, ident, joined, lines_that_fit
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import Directory, called, label, one_node, only_one
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.commands.roles import Role
from meshbot.mesh_link import NodeRecord, contact_url
from meshbot.mesh_memory import NodeView
from meshbot.nodes import KeyDecision, KeyState, KeyTally, NodeCounts, NodeKeys, fingerprint_of, state_of
from meshbot.runtime import Clock
from meshbot.storage import KeyRow

STATES: Final[Mapping[KeyState, str]] = MappingProxyType(
    {
        KeyState.LEARNT: _("learnt from the radio"),
        KeyState.SEEN: _("seen on the air, not verified"),
        KeyState.IMPORTED: _("imported"),
        KeyState.VERIFIED: _("verified"),
        KeyState.CHANGED: _("changed"),
        KeyState.DUPLICATE: _("duplicate"),
        KeyState.REVOKED: _("revoked"),
    }
)


class KeyRing(DecidableKeys, Protocol):
    """The bot's public keys; NodeManager is one."""

    def counts(self) -> NodeCounts:
        """Return how much is known."""

    def key_states(self) -> Mapping[KeyState, int]:
        """Return how many keys are in each state."""

    def pending_keys(self) -> dict[int, set[bytes]]:
        """Return by node number the keys that differ from the trusted one."""

    def duplicates(self) -> dict[bytes, list[int]]:
        """Return each key that several nodes share."""


class KeyedInterface(Protocol):
    """The part of the interface that shows the radio's keys."""

    @property
    def radio_keys(self) -> Mapping[int, bytes]:
        """The keys in the radio's own database, by node number."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One node's keys, as one request sees them."""

    node: NodeView
    keys: NodeKeys
    directory: Directory
    radio: Mapping[int, bytes] | None  # None: without a link
    now: float
    tr: Translate
    names_operators: bool  # to other operators alone


def keys_command(
    ring: KeyRing,
    directory: Directory,
    interface_of: Callable[[], KeyedInterface | None],
    clock: Clock,
    *,
    tally: Callable[[], KeyTally | None],
    teach: Callable[[int, KeyDecision, Translate], str],
) -> Command:
    """Make the command; `interface_of` returns the present interface, None without a link.

    `tally` compares the trusted keys with the radio's, None while these are not known; `teach`: see Deciding.
    """

    def run(request: Request) -> str:
        """Describe all keys, or one node's."""
        tr, interface = request.translate, interface_of()
        radio_keys = None if interface is None else interface.radio_keys
        if not request.argument:
            return _overview(ring, directory, tally(), request)
        if (key := whole_key(request.argument)) is not None:
            # what its owner reads in the app
            return f"🔑 {fingerprint_of(key)}"
        node = one_node(request, directory)
        if isinstance(node, str):
            return node
        seen = _Seen(
            node,
            ring.keys_of(node.num),
            directory,
            radio_keys,
            clock.now().timestamp(),
            tr,
            request.user.role is Role.ADMIN,
        )
        return lines_that_fit(_at_length(seen), request.limit) if request.wide else _in_short(seen, request.limit)

    return Command(
        name="keys",
        usage=_("[[verify|accept|reject|contact] node]"),
        summary=_("tells which public keys are known, changed or shared, and how far to trust them"),
        run=run,
        words={
            **decision_commands(Deciding(ring, directory, interface_of, teach)),
            "contact": _contact_command(ring, directory),
        },
        examples=EXAMPLES,
    )


def _contact_command(ring: KeyRing, directory: Directory) -> Command:
    """Make `/keys contact <node>`: the apps take its link, or its QR code, for the node and its key."""

    def run(request: Request) -> str:
        """Return the link of the node that the rest of the argument means."""
        wanted = request.argument.partition(" ")[2].strip()
        if not wanted:
            return request.translate(_("Whose contact? /keys contact <node>"))
        node = only_one(directory.find_nodes(wanted), wanted, request)
        if isinstance(node, str):
            return node
        trusted = ring.keys_of(node.num).trusted
        if trusted is None:
            return request.translate(_("{node}: no key known")).format(node=label(node))
        return contact_url(NodeRecord(node.num, node.long_name, node.short_name, public_key=trusted.public_key))

    return Command(
        name="keys",
        usage=_("[[verify|accept|reject|contact] node]"),
        summary=_("shares a node's key as the apps do: a link, and on Telegram its QR code"),
        run=run,
        has_qr=True,
    )


EXAMPLES: Final = (
    Example(
        "/keys", "🔑 known: 38 for 42 nodes; in the radio: 36 of 38; changed: 1 (Bruno); ⚠️ same key: Carole = Copie"
    ),
    Example(
        "/keys",
        "🔑 known: 38 for 42 nodes\nin the radio: 36 of 38\nlearnt from the radio: 30\nverified: 1\nduplicate: 2\n"
        "changed: 1\n· Bruno !20001ef0\n"
        "⚠️ same key on several nodes: 1\n· Carole !20001ef1 = Copie !20001ef2",
        platform=Platform.TELEGRAM,
    ),
    Example(
        "/keys alice",
        "🔑 Alice !20001eef: 5972 7626 7151 2390 7779 5174; verified, for 2d; radio: the same; "
        "message acknowledged 2h ago",
    ),
    Example(
        "/keys 1ef0",
        "🔑 Bruno !20001ef0: 1489 6247 9011 2739 4611 7919; seen on the air, not verified, for 2d; radio: none; "
        "⚠️ another one waits, for 2d: 6388 6079 2036 5532 8235 0105",
    ),
    Example(
        "/keys 1ef0",
        "🔑 Bruno !20001ef0\n1489 6247 9011 2739 4611 7919\nAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n"
        "seen on the air, not verified, for 2d\nradio: none\nno message acknowledged under it yet\n"
        "⚠️ another one waits, for 2d: 6388 6079 2036 5532 8235 0105\nAAkAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n"
        "/keys accept !20001ef0 6388 or /keys reject !20001ef0 6388",
        platform=Platform.TELEGRAM,
    ),
    Example(
        "/keys carole",
        "🔑 Carole !20001ef1: 1630 8242 3072 5835 0762 8959; duplicate, for 2d; radio: another; "
        "⚠️ the same as Copie: copied or stolen",
    ),
    Example("/keys AAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=", "🔑 5972 7626 7151 2390 7779 5174"),
    Example("/keys verify alice", "✅ Alice !20001eef: 5972 7626 7151 2390 7779 5174 is verified."),
    Example("/keys accept bruno", "🔑 Bruno !20001ef0: 6388 6079 2036 5532 8235 0105 is trusted now."),
    Example("/keys reject bruno", "🚫 Bruno !20001ef0: 6388 6079 2036 5532 8235 0105 proves nothing from now on."),
    Example(
        "/keys reject alice",
        "No other key waits for Alice !20001eef. To revoke the one in use: /keys reject !20001eef 5972",
    ),
    Example(
        "/keys contact alice",
        "https://meshtastic.org/v/#CO-9gIACEjkKCSEyMDAwMWVlZhIFQWxpY2UaA0FMSUIgAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
    ),
    Example("/keys zzz", "I know no node « zzz »."),
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


def _in_short(seen: _Seen, limit: int) -> str:
    """Return one line, the most important first: what does not fit into a packet is left out."""
    tr, keys, row = seen.tr, seen.keys, seen.keys.trusted
    head = f"🔑 {label(seen.node)}: {fingerprint_of(row.public_key) if row else tr(_('no key known'))}"
    parts = [_since(row, keys.state, seen)] if row and keys.state else []
    parts += [*_in_radio(seen), *_warnings(seen)]
    parts += [_acknowledged(row.acked_at, seen)] if row and row.acked_at is not None else []
    while parts and len(joined([head, *parts], tr).encode()) > limit:
        parts.pop()
    return joined([head, *parts], tr)


def _warnings(seen: _Seen) -> list[str]:
    tr, keys, found = seen.tr, seen.keys, []
    if keys.pending:
        others = _listed((fingerprint_of(row.public_key) for row in keys.pending), ", ")
        found.append(_waiting(others, min(row.first_seen for row in keys.pending), seen))
    found += doubts_of(keys, seen.directory, tr)
    if keys.revoked:
        revoked = _listed(
            (f"{fingerprint_of(row.public_key)} ({_ago(row.changed_at, seen)})" for row in keys.revoked), ", "
        )
        found.append(tr(_("🚫 revoked: {keys}")).format(keys=revoked))
    return found


def _since(row: KeyRow, state: KeyState, seen: _Seen) -> str:
    return seen.tr(_("{state}, for {age}")).format(
        state=seen.tr(STATES[state]), age=age(seen.now - row.changed_at, seen.tr)
    )


def _waiting(keys: str, since: int, seen: _Seen) -> str:
    text = seen.tr(_("⚠️ another one waits, for {age}: {keys}"))
    return text.format(age=age(seen.now - since, seen.tr), keys=keys)


def _acknowledged(at: int, seen: _Seen) -> str:
    return seen.tr(_("message acknowledged {age} ago")).format(age=age(seen.now - at, seen.tr))


def _in_radio(seen: _Seen, *, in_full: bool = False) -> list[str]:
    """Return what the radio's own database has, nothing without a link."""
    if seen.radio is None:
        return []
    held, row, tr = seen.radio.get(seen.node.num), seen.keys.trusted, seen.tr
    if held is None:
        return [tr(_("radio: none"))]
    if row is not None and held == row.public_key:
        return [tr(_("radio: the same"))]
    if in_full:
        return [tr(_("radio: another, {key}")).format(key=fingerprint_of(held))]
    return [tr(_("radio: another"))]


def _listed(items: Iterable[str], between: str) -> str:
    shown = list(items)
    return between.join(shown[:SHOWN]) + (" …" if len(shown) > SHOWN else "")


# -- with room


def _overview_at_length(parts: Sequence[str], ring: KeyRing, directory: Directory, request: Request) -> str:
    """Return the parts and a line for each node with a changed key and for each shared key, as far as they fit."""
    tr, pending, shared = request.translate, ring.pending_keys(), ring.duplicates()
    states = ring.key_states()
    lines = [*parts]
    lines += [f"{tr(text)}: {states[state]}" for state, text in STATES.items() if states.get(state)]
    if pending:
        lines.append(tr(_("changed: {count}")).format(count=len(pending)))
        lines += [f"· {_called(directory, num)}" for num in sorted(pending)]
    if shared:
        lines.append(tr(_("⚠️ same key on several nodes: {count}")).format(count=len(shared)))
        lines += ["· " + _listed((_called(directory, num) for num in sorted(nums)), " = ") for nums in shared.values()]
    return lines_that_fit(lines, request.limit)


def _at_length(seen: _Seen) -> list[str]:
    """Return the keys in full and all that is known of them, a line each."""
    tr, keys, row, num = seen.tr, seen.keys, seen.keys.trusted, seen.node.num
    lines = [f"🔑 {_called(seen.directory, num)}"]
    lines += _key_lines(row, seen) if row else [tr(_("no key known"))]
    lines += _in_radio(seen, in_full=True)
    if row is not None:
        never = tr(_("no message acknowledged under it yet"))
        lines.append(never if row.acked_at is None else _acknowledged(row.acked_at, seen))
    for each in keys.pending:
        key = fingerprint_of(each.public_key)
        lines += [_waiting(key, each.first_seen, seen), _in_full(each.public_key)]
        choice = tr(_("/keys accept {id} {key} or /keys reject {id} {key}"))
        lines.append(choice.format(id=ident(num), key=key.split()[0]))
    same = tr(_("⚠️ the same as {nodes}: copied or stolen"))
    lines += [same.format(nodes=_called(seen.directory, other)) for other in sorted(keys.sharers)]
    if keys.is_weak:
        lines.append(tr(WEAK))
    revoked = tr(_("🚫 revoked: {keys}"))
    lines += [revoked.format(keys=_decided(each, seen)) for each in keys.revoked]
    return lines


def _key_lines(row: KeyRow, seen: _Seen) -> list[str]:
    by = f" ({row.decided_by})" if row.decided_by and seen.names_operators else ""
    return [fingerprint_of(row.public_key), _in_full(row.public_key), _since(row, state_of(row), seen) + by]


def _decided(row: KeyRow, seen: _Seen) -> str:
    ago = _ago(row.changed_at, seen)
    by = row.decided_by if seen.names_operators else ""
    return f"{fingerprint_of(row.public_key)} ({', '.join(filter(None, (by, ago)))})"


def _ago(at: int, seen: _Seen) -> str:
    return seen.tr(_("{age} ago")).format(age=age(seen.now - at, seen.tr))


def _called(directory: Directory, num: int) -> str:
    return f"{called(directory, num)} {ident(num)}"


def _in_full(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
