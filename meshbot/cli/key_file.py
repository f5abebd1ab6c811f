"""The file of exported keys: JSON, the same for the same keys, read with suspicion; pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from meshbot.cli.errors import CommandError
from meshbot.commands import mark as _
from meshbot.mesh_link import BROADCAST_NUM
from meshbot.nodes import KeyEntry, KeyState, fingerprint_of, is_usable, parse_fingerprint, state_of
from meshbot.storage import KeyRow, NodeRow

FORMAT: Final = "meshbot-keys"
VERSION: Final = 1
# 20,000 nodes, which are all that the bot keeps, with three keys each
LONGEST: Final = 32_000_000
MOST_NODES: Final = 20_000
MOST_KEYS: Final = 20  # of one node
MOST_TEXT: Final = 200  # characters
NUMBER: Final = re.compile(r"![0-9a-fA-F]{8}")
STATES: Final = frozenset(KeyState) - {KeyState.DUPLICATE, KeyState.REPLACED}
TEXTS: Final = ("long_name", "short_name", "hw_model", "role")


def to_json(keys: Iterable[tuple[NodeRow, Sequence[KeyRow]]]) -> str:
    """Return the file: nodes by number, the keys of each in the order in which they are given."""
    nodes = [
        {
            "num": f"!{node.num:08x}",
            **{name: getattr(node, name) for name in TEXTS},
            "keys": [_key(row) for row in rows],
        }
        for node, rows in sorted(keys, key=lambda each: each[0].num)
    ]
    return json.dumps({"format": FORMAT, "version": VERSION, "nodes": nodes}, ensure_ascii=False, indent=1) + "\n"


def _key(row: KeyRow) -> dict[str, Any]:
    return {
        "public_key": base64.b64encode(row.public_key).decode(),
        "fingerprint": fingerprint_of(row.public_key),
        "state": state_of(row).value,
        "first_seen": _stamp(row.first_seen),
        "since": _stamp(row.changed_at or row.first_seen),
        "decided_by": row.decided_by,
        "acknowledged": None if row.acked_at is None else _stamp(row.acked_at),
    }


def _stamp(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def from_json(content: bytes) -> list[KeyEntry]:
    """Return the keys of such a file, each node's in its order; CommandError says what is wrong with another one."""
    if len(content) > LONGEST:
        raise CommandError(_("It has {size} MB: no export has more than {most}."), size=len(content) // 10**6, most=32)
    try:
        document = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as exc:
        raise CommandError(
            _(
                "It is not a text in UTF-8 (byte {place}).",
            ),
            place=exc.start,
        ) from None
    except RecursionError:
        raise CommandError(_("It is not JSON: too deep.")) from None
    except ValueError as exc:
        raise CommandError(_("It is not JSON: {reason}"), reason=str(exc)[:MOST_TEXT]) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CommandError(_("It is no export of keys: it does not say so (format: {format})."), format=FORMAT)
    if document.get("version") != VERSION or isinstance(document.get("version"), bool):
        raise CommandError(
            _("It has version {version}, and this program reads version {known}: use the program that wrote it."),
            version=_shown(document.get("version")),
            known=VERSION,
        )
    return _entries(document.get("nodes"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CommandError(_("It is damaged: one object has a name twice."))
    return found


def _entries(nodes: object) -> list[KeyEntry]:
    if not isinstance(nodes, list):
        raise CommandError(_("It has no list of nodes."))
    if len(nodes) > MOST_NODES:
        raise CommandError(_("It has {count} nodes: the bot keeps {most}."), count=len(nodes), most=MOST_NODES)
    entries: list[KeyEntry] = []
    numbers: set[int] = set()
    for place, node in enumerate(nodes, 1):
        try:
            found = _node_entries(node)
        except CommandError as exc:
            raise CommandError(_("Node {place}: {reason}"), place=place, reason=exc) from None
        if found[0].node.num in numbers:
            raise CommandError(_("Node {place}: {num} is there twice."), place=place, num=node["num"])
        numbers.add(found[0].node.num)
        entries += found
    return entries


def _node_entries(node: object) -> list[KeyEntry]:
    if not isinstance(node, dict):
        raise CommandError(_("it is no object."))
    num, keys = node.get("num"), node.get("keys")
    if not isinstance(num, str) or not NUMBER.fullmatch(num) or not 0 < int(num[1:], 16) < BROADCAST_NUM:
        raise CommandError(_("« num » is no node, as in !20001eef: {value}"), value=_shown(num))
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_KEYS:
        raise CommandError(_("« keys » is no list of 1 to {most} keys."), most=MOST_KEYS)
    long_name, short_name, hw_model, role = (_text(node, name) for name in TEXTS)
    row = NodeRow(int(num[1:], 16), long_name, short_name, hw_model, role)
    entries = [_entry(row, key) for key in keys]
    if len({entry.public_key for entry in entries}) != len(entries):
        raise CommandError(_("it has a key twice."))
    if sum(entry.state not in {KeyState.CHANGED, KeyState.REVOKED} for entry in entries) > 1:
        raise CommandError(_("it has two keys in use."))
    return entries


def _entry(node: NodeRow, key: object) -> KeyEntry:
    if not isinstance(key, dict):
        raise CommandError(_("a key is no object."))
    public_key = _public_key(key.get("public_key"))
    state = key.get("state")
    if not isinstance(state, str) or state not in STATES:
        raise CommandError(
            _("« state » is none of {known}: {value}"), known=", ".join(sorted(STATES)), value=_shown(state)
        )
    fingerprint = key.get("fingerprint")
    if fingerprint is not None and (
        not isinstance(fingerprint, str) or parse_fingerprint(fingerprint) != fingerprint_of(public_key)
    ):
        raise CommandError(_("« fingerprint » is not that of its key: one of both was changed."))
    return KeyEntry(node, public_key, KeyState(state), _text(key, "decided_by"))


def _public_key(text: object) -> bytes:
    try:
        key = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        key = b""
    if not is_usable(key):
        raise CommandError(_("« public_key » is no key: 32 bytes in base64, not all zero."))
    return key


def _text(values: Mapping[str, Any], name: str) -> str:
    text = values.get(name, "")
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise CommandError(_("« {name} » is no text of up to {most} characters."), name=name, most=MOST_TEXT)
    return text


def _shown(value: object) -> str:
    return repr(value)[:40]
