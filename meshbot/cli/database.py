"""`meshbot db`: the database's file checked, copied, put back, shortened, and written out as text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from meshbot.cli.errors import CommandError
from meshbot.cli.files import STANDARD, alone, writing
from meshbot.commands import mark as _
from meshbot.persistence import BACKUP_FOLDER, backup_name, backups_in
from meshbot.storage import (
    FILE_NAME,
    FileError,
    FileProblem,
    copy_file,
    export_lines,
    inspect_file,
    make_private_folder,
    restore_file,
    vacuum_file,
)

if TYPE_CHECKING:
    from meshbot.cli.arguments import Commands
    from meshbot.cli.program import Call

NAME: Final = "db"
SUMMARY: Final = _("the database: check, copy, put back, shorten, export")
PROBLEMS: Final[Mapping[FileProblem, str]] = MappingProxyType(
    {
        FileProblem.MISSING: _("{path} does not exist: is data_dir the bot's? The service's: sudo meshbot …"),
        FileProblem.NOT_OURS: _("{path} is no database of the bot's."),
        FileProblem.NEWER: _("{path} was written by a newer version of the program ({detail}): use that one."),
        FileProblem.DAMAGED: _("{path} is damaged ({detail}): put a copy back with « meshbot db restore »."),
        FileProblem.NO_ROOM: _("{path}: the disk has too little room; free some, or choose another disk."),
        FileProblem.IN_USE: _("{path} is locked by another program: close it, then run the command again."),
        FileProblem.REFUSED: _("{path} cannot be used ({detail}): have you the rights (sudo)?"),
        FileProblem.STOPPED: _("{path}: interrupted."),
    }
)
# What an operator counts, of all tables
COUNTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nodes": _("nodes"),
        "public_keys": _("keys"),
        "mail": _("letters"),
        "outbox": _("waiting texts"),
        "packets": _("packets"),
    }
)
# On a server its own tools do the same
ON_A_SERVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "check": "pg_amcheck",
        "backup": 'pg_dump -Fc -f FILE "$MESHBOT_DATABASE_URL"',
        "restore": 'pg_restore --clean --if-exists -d "$MESHBOT_DATABASE_URL" FILE',
        "vacuum": "psql \"$MESHBOT_DATABASE_URL\" -c 'VACUUM FULL'",
        "export": 'pg_dump --data-only --inserts "$MESHBOT_DATABASE_URL"',
    }
)


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    tr = commands.tr
    commands.add("check", check, _("reads all of it and says whether it is sound; the bot may be running"))
    copy = commands.add("backup", backup, _("copies it in a file, beside the running bot"))
    copy.add_argument("file", nargs="?", help=tr(_("the file to write; without it, one beside the daily copies")))
    put_back = commands.add("restore", restore, _("puts a copy back, also on another machine; keeps the former one"))
    put_back.add_argument("file", help=tr(_("the copy")))
    commands.add("vacuum", vacuum, _("gives the disk back what deleted rows took"))
    export = commands.add("export", export_rows, _("writes all rows as JSON, one a line"))
    export.add_argument("file", nargs="?", default=STANDARD, help=tr(_("the file; without it, the standard output")))


def check(call: Call[Any], _options: argparse.Namespace) -> int:
    """Say whether the file is sound, what is in it, and which copies there are."""
    path = _path(call, "check")
    with _explained():
        report = inspect_file(path)
        folder = path.parent / BACKUP_FOLDER
        copies = backups_in(folder)
    if report.is_sound:
        text = _("✅ {path} is sound: format {revision}, {size:.1f} MB")
        call.say(text, path=path, revision=report.revision, size=report.size / 1e6)
        print("   " + ", ".join(f"{call.tr(label)} {report.rows.get(table, 0)}" for table, label in COUNTED.items()))
    if copies:
        text = _("   {count} copies in {folder}, the newest {name}")
        call.say(text, count=len(copies), folder=folder, name=copies[-1])
    else:
        call.say(_("   no copies in {folder}"), folder=folder)
    if report.is_sound:
        return 0
    raise CommandError(PROBLEMS[FileProblem.DAMAGED], path=path, detail="; ".join(report.faults))


def backup(call: Call[Any], options: argparse.Namespace) -> int:
    """Copy the file."""
    path = _path(call, "backup")
    folder = path.parent / BACKUP_FOLDER
    target = Path(options.file) if options.file else folder / backup_name(call.program.clock.now())
    # it may be the only good one
    if target.exists():
        raise CommandError(_("{name} is there already: choose another name, or remove it."), name=target)
    if options.file and not target.absolute().parent.is_dir():
        raise CommandError(_("{folder} is no folder: make it, or choose another one."), folder=target.parent)
    with _explained():
        if not options.file and path.exists():
            make_private_folder(folder)
        copy_file(path, target)
    call.say(_("✅ {file}: {size:.1f} MB"), file=target, size=target.stat().st_size / 1e6)
    return 0


def restore(call: Call[Any], options: argparse.Namespace) -> int:
    """Put a copy in the file's place."""
    path = _path(call, "restore")
    with alone(path.parent, "db restore"), _explained():
        aside = restore_file(Path(options.file), path, call.program.clock.now())
    if aside is not None:
        call.say(_("The former one is now {path}: remove it when all is well."), path=aside)
    call.say(_("✅ {path} is restored: start the bot (sudo systemctl start meshbot)."), path=path)
    return 0


def vacuum(call: Call[Any], _options: argparse.Namespace) -> int:
    """Rewrite the file without gaps."""
    path = _path(call, "vacuum")
    with _explained():
        if not path.is_file():
            raise FileError(path, FileProblem.MISSING)
        with alone(path.parent, "db vacuum"):
            before, after = vacuum_file(path)
    text = _("✅ {path}: {before:.1f} MB before, {after:.1f} MB now")
    call.say(text, path=path, before=before / 1e6, after=after / 1e6)
    return 0


def export_rows(call: Call[Any], options: argparse.Namespace) -> int:
    """Write all rows; the running bot is not disturbed."""
    path = _path(call, "export")
    count = 0
    with _explained(), writing(options.file) as file:
        for line in export_lines(path):
            file.write(f"{line}\n".encode(errors="backslashreplace"))
            count += 1
    if options.file != STANDARD:
        call.say(_("✅ {count} rows: {file}"), count=count, file=options.file)
    return 0


def _path(call: Call[Any], command: str) -> Path:
    """Return the file; a database on a server has none, and its own tools."""
    if call.settings.database_url.get_secret_value():
        text = _("The database is on a server (database_url), whose own tools do that: {command}")
        raise CommandError(text, command=ON_A_SERVER[command])
    return Path(call.settings.data_dir) / FILE_NAME


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except FileError as exc:
        raise CommandError(PROBLEMS[exc.problem], path=exc.path, detail=exc.detail) from None
