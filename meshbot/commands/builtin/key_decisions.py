"""What an operator decides about a node's key: /keys verify, accept, reject, and /trust, which is accept."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import Directory, called, label, only_one
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role
from meshbot.mesh_link import KEY_BYTES
from meshbot.mesh_memory import NodeView
from meshbot.nodes import KeyDecision, NodeKeys, fingerprint_digits, fingerprint_of

KEY_TEXT: Final = 44  # characters of a key in base64
# Of a fingerprint, or of a key in base64; a name is rarely so
KEY_BEGINNING: Final = re.compile(r"[0-9][0-9 .:_-]*|[A-Za-z0-9+/]+=?…?")


class DecidableKeys(Protocol):
    """The bot's public keys; NodeManager is one."""

    def keys_of(self, num: int) -> NodeKeys:
        """Return all that is known of a node's keys."""
        ...

    def decide_key(self, num: int, key: bytes, decision: KeyDecision, by: str) -> bool:
        """Carry out an operator's decision; False for a key that it cannot be about. May wait for the disk."""
        ...

    def sync_pubkeys_to_interface(self, interface: Any, force: bool = False) -> int:  # noqa: FBT001, FBT002 - specified so
        """Put trusted keys into the interface's nodes; return how many."""
        ...


def _teach_nobody(_num: int, _decision: KeyDecision, _tr: Translate) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a decision needs."""

    keys: DecidableKeys
    directory: Directory
    interface_of: Callable[[], object | None]  # the present interface, None without a link
    # has the radio follow the decision, and says within seconds what came of that; empty: nothing to say
    teach: Callable[[int, KeyDecision, Translate], str] = _teach_nobody


WEAK: Final = _("⚠️ weak: its private key is public, the node needs a new one")
SHOWN: Final = 3  # names of nodes
DONE: Final[Mapping[KeyDecision, str]] = MappingProxyType(
    {
        KeyDecision.VERIFY: _("✅ {node}: {key} is verified."),
        KeyDecision.ACCEPT: _("🔑 {node}: {key} is trusted now."),
        KeyDecision.REJECT: _("🚫 {node}: {key} proves nothing from now on."),
    }
)
WHOSE: Final[Mapping[KeyDecision, str]] = MappingProxyType(
    {
        KeyDecision.VERIFY: _("Whose key have you compared? /keys verify <node> [its fingerprint]"),
        KeyDecision.ACCEPT: _("Whose key? /keys accept <node> [its fingerprint]; /keys tells which wait."),
        KeyDecision.REJECT: _("Whose key? /keys reject <node> [its fingerprint]; /keys tells which wait."),
    }
)


def decision_commands(deciding: Deciding) -> dict[str, Command]:
    """Return what /keys runs by the first word of its argument."""

    def command(word: str, decision: KeyDecision, summary: str) -> Command:
        def run(request: Request) -> str:
            return decide(deciding, decision, request, request.argument[len(word) :].strip())

        return Command(
            name="keys", usage=_("<node> [fingerprint]"), summary=summary, run=run, role=Role.ADMIN, examples=()
        )

    return {
        "verify": command("verify", KeyDecision.VERIFY, _("notes that you have compared a node's key with its owner")),
        "accept": command("accept", KeyDecision.ACCEPT, _("trusts a node's changed public key, on your word")),
        "reject": command("reject", KeyDecision.REJECT, _("has a key prove nothing any more, and no alert come of it")),
    }


def trust_command(deciding: Deciding) -> Command:
    """Make the short form of /keys accept."""

    def run(request: Request) -> str:
        """Trust the one key that the argument means, or list the candidates."""
        return decide(deciding, KeyDecision.ACCEPT, request, request.argument)

    return Command(
        name="trust",
        usage=_("<node> [key]"),
        summary=_("trusts a node's changed public key, on your word"),
        run=run,
        role=Role.ADMIN,
        examples=(
            Example("/trust 1ef0", "🔑 Bruno !20001ef0: 6388 6079 2036 5532 8235 0105 is trusted now."),
            Example("/trust bruno 6388", "🔑 Bruno !20001ef0: 6388 6079 2036 5532 8235 0105 is trusted now."),
            Example("/trust alice", "No other key waits for Alice !20001eef."),
            Example("/trust", "Whose key? /keys accept <node> [its fingerprint]; /keys tells which wait."),
        ),
    )


def decide(deciding: Deciding, decision: KeyDecision, request: Request, argument: str) -> str:
    """Carry out the decision about the one key that the argument means, or say what is missing."""
    tr = request.translate
    if not argument:
        return tr(WHOSE[decision])
    node, beginning = _node_and_key(deciding.directory, argument, request)
    if isinstance(node, str):
        return node
    known = deciding.keys.keys_of(node.num)
    candidates = _candidates(decision, known, beginning)
    if not candidates:
        nothing = _nothing(decision, node, known, request)
        # it may have been decided about while the radio could not learn it
        is_late = decision is KeyDecision.ACCEPT and known.trusted is not None
        return f"{nothing} {deciding.teach(node.num, decision, tr)}".rstrip() if is_late else nothing
    meant = [key for key in candidates if _begins(key, beginning)]
    if len(meant) != 1:
        return tr(_("Which one of {node}? {keys}")).format(node=label(node), keys=_listed(candidates))
    if not deciding.keys.decide_key(node.num, meant[0], decision, request.user.key):
        return tr(_("⚠️ That key cannot be trusted."))
    if (interface := deciding.interface_of()) is not None:
        deciding.keys.sync_pubkeys_to_interface(interface)
    done = tr(DONE[decision]).format(node=label(node), key=fingerprint_of(meant[0]))
    doubts = (
        [] if decision is KeyDecision.REJECT else doubts_of(deciding.keys.keys_of(node.num), deciding.directory, tr)
    )
    return " ".join(filter(None, [done, *doubts, deciding.teach(node.num, decision, tr)]))


def doubts_of(keys: NodeKeys, directory: Directory, tr: Translate) -> list[str]:
    """Return what speaks against a trusted key, whoever decided for it."""
    doubts = []
    if keys.sharers:
        shown = [called(directory, other) for other in sorted(keys.sharers)]
        names = ", ".join(shown[:SHOWN]) + (" …" if len(shown) > SHOWN else "")
        doubts.append(tr(_("⚠️ the same as {nodes}: copied or stolen")).format(nodes=names))
    if keys.is_weak:
        doubts.append(tr(WEAK))
    return doubts


def _node_and_key(directory: Directory, argument: str, request: Request) -> tuple[NodeView | str, str]:
    """Split an argument into its node and the beginning of its key, which may be missing.

    Anybody may be called as another node and the beginning of its key: where both readings name nodes, it is asked
    which one.
    """
    words = argument.split()
    readings = ((" ".join(words[:end]), " ".join(words[end:])) for end in range(len(words), 0, -1))
    found = [
        (node, beginning)
        for wanted, beginning in readings
        if not beginning or KEY_BEGINNING.fullmatch(beginning)
        for node in directory.find_nodes(wanted)
    ]
    nodes = {node.num: node for node, _beginning in found}
    return only_one(list(nodes.values()), argument, request), found[0][1] if found else ""


def _candidates(decision: KeyDecision, known: NodeKeys, beginning: str) -> list[bytes]:
    """Return the keys that the decision may be about, in the order of their bytes."""
    trusted = [known.trusted.public_key] if known.trusted else []
    pending = sorted(row.public_key for row in known.pending)
    match decision:
        case KeyDecision.VERIFY:
            return trusted
        case KeyDecision.ACCEPT:
            # one that its owner has given, whole
            given = whole_key(beginning)
            return pending if given is None or given in {*pending, *trusted} else [given]
        case KeyDecision.REJECT:
            # the trusted one only by its fingerprint: it may be the right one
            return [*pending, *trusted] if beginning else pending


def _nothing(decision: KeyDecision, node: NodeView, known: NodeKeys, request: Request) -> str:
    """Say that there is no key to decide about."""
    tr = request.translate
    if decision is KeyDecision.VERIFY:
        return tr(_("{node}: no key known")).format(node=label(node))
    if decision is KeyDecision.REJECT and known.trusted is not None:
        text = tr(_("No other key waits for {node}. To revoke the one in use: /keys reject {id} {key}"))
        begin = fingerprint_of(known.trusted.public_key).split()[0]
        return text.format(node=label(node), id=f"!{node.num:08x}", key=begin)
    return tr(_("No other key waits for {node}.")).format(node=label(node))


def _begins(key: bytes, beginning: str) -> bool:
    """Return whether a key's fingerprint, or the key in base64, begins so."""
    digits = fingerprint_digits(beginning)
    if digits is not None and fingerprint_of(key).replace(" ", "").startswith(digits):
        return True
    return b64encode(key).decode().startswith(beginning.removesuffix("…"))


def whole_key(text: str) -> bytes | None:
    """Return the key that a text is in base64, as apps show it; None for any other text."""
    if len(text) != KEY_TEXT:
        return None
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _listed(keys: Iterable[bytes]) -> str:
    return ", ".join(map(fingerprint_of, keys))
