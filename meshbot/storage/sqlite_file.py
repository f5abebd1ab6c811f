"""The database's file as a whole: checked, copied beside the running bot, put back, shortened, written out as text."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final

from meshbot.storage.errors import StorageError
from meshbot.storage.schema import METADATA, REVISIONS, VERSION
from meshbot.storage.sqlite import ALWAYS_THERE, BUSY_TIMEOUT, DAMAGED, READ_ERRORS, SUFFIXES

# Pages of 4 kB that are copied before the next look whether to stop: 1 MB
SLICE: Final = 256
# Seconds between two slices: an SD card has time for the bot's own commits
PAUSE: Final = 0.02
# Instructions of SQLite's virtual machine between two looks whether to stop
PROGRESS_STEPS: Final = 10_000
SHOWN_FAULTS: Final = 5
PRIVATE: Final = 0o600
# Bytes that a copy leaves free: the bot goes on writing
RESERVE: Final = 32 * 1024 * 1024
# What SQLite keeps beside a file
LOGS: Final = ("-wal", "-shm", "-journal")
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileProblem(Enum):
    """Why a file cannot be used."""

    MISSING = "fichier absent"
    NOT_OURS = "ce n'est pas une base de données de MeshBot"
    NEWER = "écrite par une version plus récente du bot"
    DAMAGED = "abîmée"
    NO_ROOM = "disque plein"
    IN_USE = "verrouillée par un autre programme"
    REFUSED = "refusée par le système"
    STOPPED = "interrompue"


PROBLEMS: Final = {
    sqlite3.SQLITE_FULL: FileProblem.NO_ROOM,
    sqlite3.SQLITE_BUSY: FileProblem.IN_USE,
    sqlite3.SQLITE_LOCKED: FileProblem.IN_USE,
    sqlite3.SQLITE_INTERRUPT: FileProblem.STOPPED,
    sqlite3.SQLITE_CORRUPT: FileProblem.DAMAGED,
    sqlite3.SQLITE_NOTADB: FileProblem.NOT_OURS,
}


class FileError(StorageError):
    """A file cannot be used; `problem` says why, for whoever speaks another language."""

    def __init__(self, path: Path, problem: FileProblem, detail: str = "") -> None:
        super().__init__(f"{path}: {problem.value}{f' ({detail})' if detail else ''}")
        self.path = path
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True, slots=True)
class FileReport:
    """What a file holds."""

    revision: str  # of the tables
    size: int  # bytes, with its log
    rows: dict[str, int]  # by table
    faults: tuple[str, ...]  # as SQLite words them; none: it is sound

    @property
    def is_sound(self) -> bool:
        """Return whether nothing is wrong with it."""
        return not self.faults


def inspect_file(path: Path) -> FileReport:
    """Read all of a file, which the running bot may be using. Raises FileError."""
    with _reading(path) as reader:
        revision = _revision(reader, path)
        faults = _faults(reader, "integrity_check")
        known = {name for (name,) in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        rows = {} if faults else {name: _count(reader, name) for name in METADATA.tables if name in known}
        return FileReport(revision, _size(path), rows, faults)


def copy_file(source: Path, target: Path, stop: threading.Event | None = None) -> None:
    """Write `target` anew as a sound copy of one moment of `source`: whole or not at all, for its owner alone.

    The bot that uses `source` goes on: a reader holds up no writer. The copy is one file without a log, read back
    before it takes its name. Raises FileError, with STOPPED soon after `stop` was set.
    """
    stop = stop or threading.Event()
    _look_for(source)
    part = target.with_name(f".{target.name}.part")
    with _explained(target):
        if shutil.disk_usage(target.parent).free < _size(source) + RESERVE:
            raise FileError(target, FileProblem.NO_ROOM)
        _remove(part)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE))
    try:
        _copy_pages(source, part, stop)
        with _explained(target):
            _sync(part)
            _give_to_owner_of(target.parent, part)
            part.replace(target)
            _sync(target.parent)
    finally:
        _remove(part)


def restore_file(backup: Path, path: Path, now: datetime) -> Path | None:
    """Put a copy of `backup` in the place of `path`, which no bot may be using; return where the former one is now.

    Nothing is deleted, and a kill at any moment leaves one of the two in place. Raises FileError.
    """
    new = path.with_name(f".{path.name}.restored")
    copy_file(backup, new)
    try:
        with _explained(path):
            aside = _kept_aside(path, now) if path.exists() else None
            new.replace(path)
            _sync(path.parent)
    finally:
        _remove(new)
    return aside


def vacuum_file(path: Path) -> tuple[int, int]:
    """Give the disk back what deleted rows took, in a file that no bot may be using; return its sizes in bytes.

    Raises FileError.
    """
    before = _size(path)
    with _reading(path) as reader:
        _revision(reader, path)
    with _explained(path), closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)) as writer:
        writer.execute("VACUUM").close()
    return before, _size(path)


def export_lines(path: Path) -> Iterator[str]:
    """Yield every row as one line of JSON, its table under "table", bytes in base64. Raises FileError."""
    with _reading(path) as reader:
        revision = _revision(reader, path)
        yield json.dumps({"table": VERSION.name, "version_num": revision})
        reader.row_factory = sqlite3.Row
        reader.execute("BEGIN")
        known = {row["name"] for row in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name in METADATA.tables:
            if name in known and name != VERSION.name:
                for row in reader.execute(f"SELECT * FROM {name}"):  # noqa: S608 - our own tables' names
                    yield json.dumps({"table": name, **_plain(row)}, ensure_ascii=False)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only the owner of the one around it can use. Raises FileError."""
    with _explained(folder):
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            _give_to_owner_of(folder.parent, folder)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say of a file into a FileError."""
    try:
        yield
    except (*READ_ERRORS, OSError) as exc:
        raise FileError(path, *_problem_of(exc)) from exc


def _problem_of(error: Exception) -> tuple[FileProblem, str]:
    if isinstance(error, UnicodeDecodeError):
        return FileProblem.DAMAGED, error.reason
    if isinstance(error, OSError):
        problem = FileProblem.NO_ROOM if error.errno in NO_ROOM else FileProblem.REFUSED
        return problem, "" if problem is FileProblem.NO_ROOM else error.strerror or str(error)
    # The rest of the code is detail
    primary = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    return PROBLEMS.get(primary, FileProblem.REFUSED), str(error)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that changes nothing, not even the files beside it where nobody uses them."""
    _look_for(path)
    # SQLite reads nothing where it cannot put files beside it, unless it is told that nobody writes
    mode = "immutable=1" if not _has_log(path) and not os.access(path.parent, os.W_OK) else "mode=ro"
    with (
        _explained(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_TIMEOUT)) as reader,
    ):
        reader.isolation_level = None
        # what a damaged text still has can be seen
        reader.text_factory = _text
        yield reader


def _text(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")


def _look_for(path: Path) -> None:
    with _explained(path):
        if path.is_file():
            return
        if path.exists():
            reason = os.strerror(errno.EISDIR) if path.is_dir() else "no regular file"
            raise FileError(path, FileProblem.REFUSED, reason)
        raise FileError(path, FileProblem.MISSING)


def _size(path: Path) -> int:
    """Return the bytes of a file with its log, 0 for none."""
    parts = [Path(f"{path}{suffix}") for suffix in SUFFIXES]
    return sum(part.stat().st_size for part in parts if part.is_file())


def _has_log(path: Path) -> bool:
    return any(Path(f"{path}{suffix}").exists() for suffix in LOGS)


def _revision(reader: sqlite3.Connection, path: Path) -> str:
    try:
        found = reader.execute(f"SELECT version_num FROM {VERSION.name}").fetchone()  # noqa: S608 - our own table
    except sqlite3.OperationalError as exc:
        raise FileError(path, FileProblem.NOT_OURS) from exc
    if found is None:
        raise FileError(path, FileProblem.NOT_OURS)
    revision = str(found[0])
    if revision not in REVISIONS:
        raise FileError(path, FileProblem.NEWER, f"format {revision}, {REVISIONS[-1]}")
    tables = {name for (name,) in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= ALWAYS_THERE:
        raise FileError(path, FileProblem.NOT_OURS)
    return revision


def _faults(reader: sqlite3.Connection, check: str) -> tuple[str, ...]:
    try:
        found = [str(row[0]) for row in reader.execute(f"PRAGMA {check}({SHOWN_FAULTS})")]
    except UnicodeDecodeError as exc:
        found = [exc.reason]
    except sqlite3.DatabaseError as exc:
        # so damaged that it cannot even be checked
        if (getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF not in DAMAGED:
            raise
        found = [str(exc)]
    return () if found == ["ok"] else tuple(" ".join(each.split()) for each in found)


def _count(reader: sqlite3.Connection, table: str) -> int:
    return int(reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own tables' names


def _copy_pages(source: Path, part: Path, stop: threading.Event) -> None:
    def look(*_: int) -> None:
        if stop.wait(PAUSE):
            raise FileError(source, FileProblem.STOPPED)

    with _reading(source) as reader:
        _revision(reader, source)
        # Held open, it keeps one moment: else each commit of the bot's would have the copy begin again
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with _explained(part), closing(sqlite3.connect(part, isolation_level=None)) as writer:
            # It is no database before it has its name, and is synchronised then
            writer.execute("PRAGMA synchronous = OFF").close()
            reader.backup(writer, pages=SLICE, progress=look)
            # without a log beside it
            writer.execute("PRAGMA journal_mode = DELETE").close()
            writer.set_progress_handler(stop.is_set, PROGRESS_STEPS)
            if faults := _faults(writer, "quick_check"):
                raise FileError(source, FileProblem.DAMAGED, "; ".join(faults))


def _kept_aside(path: Path, now: datetime) -> Path:
    """Give a file a second name; its log is folded in before, or put aside with it: the next file must not have it."""
    with suppress(*READ_ERRORS), closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT)) as last:
        last.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    stamp = f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}"
    aside, again = path.with_name(stamp), 1
    while any(Path(f"{aside}{suffix}").exists() for suffix in SUFFIXES):
        aside, again = path.with_name(f"{stamp}.{again}"), again + 1
    aside.hardlink_to(path)
    for suffix in LOGS:
        log = Path(f"{path}{suffix}")
        if log.exists():
            log.rename(f"{aside}{suffix}")
    return aside


def _plain(row: sqlite3.Row) -> dict[str, Any]:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row is no dict
    return {name: b64encode(each).decode() if isinstance(each, bytes) else each for name, each in values.items()}


def _give_to_owner_of(folder: Path, path: Path) -> None:
    """Give what root made for the bot to the bot's account."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(part: Path) -> None:
    """Remove what is not whole, and SQLite's journal beside it."""
    for suffix in ("", *LOGS):
        with suppress(OSError):
            Path(f"{part}{suffix}").unlink()
