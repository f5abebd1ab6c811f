"""`meshbot radio`: saving our own node's configuration, and putting it back after a factory reset."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from meshbot.cli.errors import CommandError
from meshbot.cli.files import STANDARD, alone, read_file, write_file
from meshbot.commands import mark as _
from meshbot.mesh_link import OwnNodeClient, OwnSettings
from meshbot.nodes import fingerprint_of
from meshbot.radio_backup import (
    LONGEST,
    Backup,
    BackupError,
    BackupProblem,
    RestoreError,
    RestoreProblem,
    open_backup,
    restore,
    seal_backup,
)
from meshbot.settings import PASSPHRASE_LENGTH

if TYPE_CHECKING:
    from meshbot.cli.arguments import Commands
    from meshbot.cli.program import Call

NAME: Final = "radio"
SUMMARY: Final = _("our own node: save its configuration, put it back")
UNUSABLE: Final[Mapping[BackupProblem, str]] = MappingProxyType(
    {
        BackupProblem.NOT_A_BACKUP: _("{name} is no backup of a radio, or was damaged."),
        BackupProblem.NEWER: _("{name} was made by another version of the program: use that one."),
        BackupProblem.PASSPHRASE_OR_DAMAGED: _("{name}: the passphrase is wrong, or the file was damaged."),
        BackupProblem.UNREADABLE: _("{name} was decrypted, but holds no whole configuration."),
    }
)
FAILURES: Final[Mapping[RestoreProblem, str]] = MappingProxyType(
    {
        RestoreProblem.OTHER_DEVICE: _(
            "This backup is of another device. If that one is to be replaced by this one: --force. "
            "Never run both with one key."
        ),
        RestoreProblem.OTHER_FIRMWARE: _(
            "The backup is of firmware {wanted}, the node has {detail}: install the former, or --force."
        ),
        RestoreProblem.MANAGED: _("The node is managed and takes nothing from its client: unlock it in the app."),
        RestoreProblem.INCOMPLETE: _("The node does not show its whole configuration: it is locked (lockdown)."),
        RestoreProblem.REFUSED: _("The node refuses: {detail}. It may have taken a part: run the command again."),
        RestoreProblem.UNREACHABLE: _("The node cannot be reached ({detail}): is tcp_host right, is it switched on?"),
        RestoreProblem.DID_NOT_RETURN: _(
            "The node has not come back from its reboot ({detail}): look at it, then run the command again."
        ),
    }
)
# What the node does not hand over with its configuration
NOT_SAVED: Final = _(
    "Not in it: the nodes that it knows, a fixed position's coordinates, canned messages, the ringtone, its screen's "
    "settings."
)


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    tr = commands.tr
    backup = commands.add("backup", make_backup, _("saves the node's configuration and keys, encrypted"))
    backup.add_argument("file", help=tr(_("the file to write")))
    load = commands.add("restore", restore_backup, _("puts a backup back into the node, and reads it back"))
    load.add_argument("file", help=tr(_("the backup")))
    load.add_argument(
        "--force", action="store_true", help=tr(_("also into another device, or with another series of firmware"))
    )


def make_backup(call: Call[Any], options: argparse.Namespace) -> int:
    """Read the node's configuration and write it, encrypted."""
    # it may be the last one with the node's former key
    if options.file != STANDARD and Path(options.file).exists():
        raise CommandError(_("{name} is there already: choose another name, or remove it."), name=options.file)
    with alone(call.settings.data_dir, "radio backup"):
        settings = _read(call)
        passphrase = _passphrase(call, twice=True)
        saved_at = int(call.program.clock.now().timestamp())
        write_file(options.file, seal_backup(Backup(settings, saved_at), passphrase))
    call.say(_("✅ {node} is saved in {file}. Keep the passphrase elsewhere."), node=_node(settings), file=options.file)
    call.say(NOT_SAVED)
    return 0


def restore_backup(call: Call[Any], options: argparse.Namespace) -> int:
    """Put a backup back and tell what was read back."""
    content = read_file(options.file, LONGEST)
    wanted = _opened(call, options.file, content).settings
    with alone(call.settings.data_dir, "radio restore"):
        call.say(_("⏳ {node} is being restored: that takes a minute or two, the node reboots."), node=_node(wanted))
        try:
            done = restore(wanted, lambda: _client(call), call.program.clock, force=options.force)
        except RestoreError as exc:
            text = FAILURES[exc.problem]
            raise CommandError(text, detail=exc.detail, wanted=wanted.firmware) from None
    if done.remaining:
        raise CommandError(
            _("{node} has taken all but: {parts}. Its firmware is {firmware}, the backup's {wanted}."),
            node=_node(done.after),
            parts=", ".join(done.remaining),
            firmware=done.after.firmware,
            wanted=wanted.firmware,
        )
    if done.after.num != wanted.num:
        call.say(_("⚠️ The node's number is !{num:08x}, it was !{wanted:08x}."), num=done.after.num, wanted=wanted.num)
    if not done.changed:
        call.say(_("✅ {node} has all that is in the backup: nothing was written."), node=_node(done.after))
        return 0
    text = _("✅ {node} is back, read back from the node itself. Written: {parts}")
    call.say(text, node=_node(done.after), parts=", ".join(done.changed))
    return 0


def _read(call: Call[Any]) -> OwnSettings:
    try:
        with _client(call) as client:
            settings = client.settings()
    except OSError as exc:
        raise CommandError(FAILURES[RestoreProblem.UNREACHABLE], detail=exc) from None
    if settings is None:
        raise CommandError(FAILURES[RestoreProblem.INCOMPLETE])
    if not settings.is_whole:
        raise CommandError(_("The node has no region or no keys yet: there is nothing worth saving."))
    return settings


def _client(call: Call[Any]) -> OwnNodeClient:
    return OwnNodeClient(call.program.target(call.settings), call.program.clock)


def _opened(call: Call[Any], name: str, content: bytes) -> Backup:
    try:
        return open_backup(content, _passphrase(call, twice=False))
    except BackupError as exc:
        raise CommandError(UNUSABLE[exc.problem], name=name) from None


def _passphrase(call: Call[Any], *, twice: bool) -> str:
    """Return the setting's passphrase, else what the person types, which the terminal does not show."""
    if passphrase := str(call.settings.radio_backup_passphrase.get_secret_value()):
        return passphrase
    if not sys.stdin.isatty():
        raise CommandError(_("No passphrase: set radio_backup_passphrase, or run the command in a terminal."))
    passphrase = getpass.getpass(call.tr(_("Passphrase: ")))
    if twice and len(passphrase) < PASSPHRASE_LENGTH:
        raise CommandError(_("A passphrase has at least {count} characters."), count=PASSPHRASE_LENGTH)
    if twice and getpass.getpass(call.tr(_("Once more: "))) != passphrase:
        raise CommandError(_("The two passphrases differ."))
    return passphrase


def _node(settings: OwnSettings) -> str:
    """Return what people know a node by."""
    return f"{settings.long_name} !{settings.num:08x} ({fingerprint_of(settings.public_key)})"
