"""`meshbot keys`: exporting and importing public keys, and one node as the apps' contact."""

from __future__ import annotations

import argparse
import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from meshbot.cli.errors import CommandError
from meshbot.cli.files import STANDARD, alone, read_file, write_file
from meshbot.cli.key_file import LONGEST, from_json, to_json
from meshbot.commands import mark as _
from meshbot.mesh_link import NodeRecord, contact_url, parse_contact_url
from meshbot.mesh_memory import search
from meshbot.nodes import ImportResult, KeyEntry, fingerprint_of, is_usable
from meshbot.pictures import qr_lines, qr_png
from meshbot.storage import NodeRow

if TYPE_CHECKING:
    from meshbot.cli.arguments import Commands
    from meshbot.cli.program import Call, KeyBook

NAME: Final = "keys"
SUMMARY: Final = _("public keys: export, import, share")
SHOWN: Final = 5  # nodes that match a name, or whose keys are to be decided about
TO_DECIDE: Final[Mapping[ImportResult, str]] = MappingProxyType(
    {
        ImportResult.CHANGED: _(
            "⚠️ Another key than the one trusted here: {nodes}. /keys shows both, you decide; the bot's next start "
            "alerts you."
        ),
        ImportResult.REVOKED: _("⚠️ Revoked in the file, and in use here: {nodes}. If that is right: /keys reject."),
        ImportResult.KEPT_OUT: _("⚠️ Kept out, as revoked here or one more than can wait: {nodes}."),
    }
)


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    tr = commands.tr
    export = commands.add("export", export_keys, _("writes all keys with their states as JSON"))
    export.add_argument("file", nargs="?", default=STANDARD, help=tr(_("the file; without it, the standard output")))
    load = commands.add("import", import_keys, _("takes in an export, or a contact's URL; overwrites nothing"))
    load.add_argument("file", help=tr(_("the file, - for the standard input, or https://meshtastic.org/v/#…")))
    contact = commands.add("contact", show_contact, _("shows a node's contact URL and its QR code for the apps"))
    contact.add_argument("node", help=tr(_("name, short name or id of the node")))
    contact.add_argument("--png", metavar="FILE", help=tr(_("write the QR code as a picture")))
    compare = commands.add("fingerprint", show_fingerprint, _("shows a key's fingerprint, to be compared by voice"))
    compare.add_argument("key", help=tr(_("a public key in base64, as the apps show it, or a node")))


def export_keys(call: Call[Any], options: argparse.Namespace) -> int:
    """Write the export; the running bot is not disturbed."""
    with call.program.open_nodes(call.settings) as book:
        keys = book.all_keys()
    write_file(options.file, to_json(keys).encode())
    if options.file != STANDARD:
        call.say(_("✅ {count} nodes with keys: {file}"), count=len(keys), file=options.file)
    return 0


def import_keys(call: Call[Any], options: argparse.Namespace) -> int:
    """Take in a file or a URL, and tell what came of it."""
    entries = _entries(options.file)
    with alone(call.settings.data_dir, "keys import"), call.program.open_nodes(call.settings, is_new=True) as book:
        results = book.import_keys(entries)
    call.say(
        _("✅ added: {added}, the same: {same}, changed: {changed}, kept out: {kept_out}"),
        added=len(results.get(ImportResult.ADDED, ())),
        same=len(results.get(ImportResult.SAME, ())),
        changed=len(results.get(ImportResult.CHANGED, ())),
        kept_out=len(results.get(ImportResult.KEPT_OUT, ())),
    )
    for result, text in TO_DECIDE.items():
        if named := [f"!{num:08x}" for num in dict.fromkeys(results.get(result, ()))]:
            call.say(text, nodes=", ".join(named[:SHOWN]) + (" …" if len(named) > SHOWN else ""))
    return 0


def show_contact(call: Call[Any], options: argparse.Namespace) -> int:
    """Print a node's contact URL and QR code, or write the code as a picture."""
    with call.program.open_nodes(call.settings) as book:
        node = _node(book, options.node)
        trusted = book.keys_of(node.num).trusted
    if trusted is None:
        raise CommandError(_("No trusted key of {node} is known."), node=f"!{node.num:08x}")
    record = NodeRecord(node.num, node.long_name, node.short_name, node.hw_model, node.role, trusted.public_key)
    url = contact_url(record)
    print(f"{node.long_name or node.short_name} !{node.num:08x} {fingerprint_of(trusted.public_key)}\n{url}")
    if options.png is not None:
        write_file(options.png, qr_png(url))
    else:
        print(qr_lines(url))
    return 0


def show_fingerprint(call: Call[Any], options: argparse.Namespace) -> int:
    """Print the fingerprint of a key that is given, or of a node's."""
    key = _given_key(options.key)
    if not key:
        with call.program.open_nodes(call.settings) as book:
            trusted = book.keys_of(_node(book, options.key).num).trusted
        key = trusted.public_key if trusted else b""
    if not key:
        raise CommandError(_("No trusted key of {node} is known."), node=options.key)
    print(fingerprint_of(key))
    return 0


def _entries(name: str) -> list[KeyEntry]:
    if "://" in name:
        record = parse_contact_url(name)
        if record is None:
            raise CommandError(_("That is no contact of a node with its key: https://meshtastic.org/v/#…"))
        return [KeyEntry(NodeRow(record.num, record.long_name, record.short_name), record.public_key)]
    try:
        return from_json(read_file(name, LONGEST))
    except CommandError as exc:
        raise CommandError(_("{name}, nothing was imported. {reason}"), name=name, reason=exc) from None


def _node(book: KeyBook, wanted: str) -> NodeRow:
    nodes = {node.num: node for node in book.nodes()}
    found = search(wanted, ((node.num, node.short_name, node.long_name) for node in nodes.values()))
    if len(found) == 1:
        return nodes[found[0]]
    if not found:
        raise CommandError(_("I know no node « {name} »."), name=wanted)
    names = ", ".join(f"!{num:08x} {nodes[num].long_name}".rstrip() for num in found[:SHOWN])
    raise CommandError(_("{count} nodes match « {name} »: {names}"), count=len(found), name=wanted, names=names)


def _given_key(text: str) -> bytes:
    """Return the key that a text is in base64, empty for any other text."""
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return key if is_usable(key) else b""
