"""All that is SQLite's own: the file, its safety, the texts of its errors, and setting a damaged one aside."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, BigInteger, Connection, Engine, Integer, Table, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from meshbot.storage.errors import DamagedError, StorageError, TooSlowError

FILE_NAME: Final = "meshbot.db"
# Only the bot writes here: a lock held longer than this is a person's shell or a backup. A stop must fit into 3 s.
BUSY_TIMEOUT: Final = 1.0
POOL_TIMEOUT: Final = 5.0  # seconds a thread waits for another one's transaction
# Connections beside the writer's; with a write-ahead log neither waits for the other
READERS: Final = 2
# Instructions of SQLite's virtual machine, about 1 ms, between two checks of the time limit
PROGRESS_STEPS: Final = 10_000

# For schema.py. An SD card wears by pages written: the primary key is the whole access path, one tree instead of two.
ONE_TREE: Final[dict[str, Any]] = {"sqlite_with_rowid": False}
# A number given by the database: only under this very type does SQLite take its own row number.
ROW_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")

# The log first: beside a new file it would be thrown away
SUFFIXES: Final = ("-wal", "-shm", "")
DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Tables of every format, and the one that tells it: without the former no file is whole that has the latter
ALWAYS_THERE: Final = frozenset({"nodes", "public_keys"})
FORMAT_TABLE: Final = "alembic_version"
# What reading can raise: a message of SQLite's that quotes the damage cannot be decoded itself
READ_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
# Python's own, without a code: no text of ours is anything but UTF-8
UNDECODABLE: Final = "Could not decode to UTF-8"
ADVICE: Final = {
    sqlite3.SQLITE_FULL: "disque plein, libérez de la place pour {path}",
    sqlite3.SQLITE_READONLY: "écriture refusée, donnez au compte du bot le droit d'écrire dans {folder}",
    sqlite3.SQLITE_BUSY: "{path} est verrouillé par un autre programme, fermez-le",
    sqlite3.SQLITE_LOCKED: "{path} est verrouillé par un autre programme, fermez-le",
    sqlite3.SQLITE_CANTOPEN: "impossible d'ouvrir {path}, vérifiez que {folder} appartient au compte du bot",
    sqlite3.SQLITE_IOERR: "erreur d'entrée-sortie sur {path}, vérifiez la carte SD (dmesg)",
    sqlite3.SQLITE_CORRUPT: "{path} est abîmé, il est mis de côté",
    sqlite3.SQLITE_NOTADB: "{path} n'est pas une base de données, il est mis de côté",
}


class SqliteBackend:
    """One file; see Backend."""

    def __init__(self, path: Path, busy_timeout: float = BUSY_TIMEOUT) -> None:
        """Prepare access to `path`; nothing is opened before the first transaction."""
        self.path = path
        self.where = str(path)
        self._busy_timeout = busy_timeout
        self._log_path = Path(f"{path}-wal")
        # device and inode of the file that was opened, and of its log
        self._opened: tuple[int, int] | None = None
        self._log: tuple[int, int] | None = None
        # One writing connection that stays: closing the last one folds the log back into the file, and opening
        # begins a new one, which an SD card would pay for at every commit.
        self.writer = self._engine(1, _set_up_writer, "BEGIN IMMEDIATE")
        self.reader = self._engine(READERS, _set_up_reader, "BEGIN")

    def _engine(self, connections: int, set_up: Any, begin: str) -> Engine:
        engine = create_engine(
            URL.create("sqlite+pysqlite", database=str(self.path)),
            # letters are in them
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            connect_args={"check_same_thread": False, "timeout": self._busy_timeout},
        )
        event.listen(engine, "connect", set_up)
        event.listen(engine, "connect", self._note_file)
        # Python's module begins by itself only before some statements, so a change of tables would not be one piece.
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def check(self, tables: Iterable[str]) -> None:
        """Make the folder; raise DamagedError if the file is no sound database.

        Of a file that was closed properly only `tables` are checked, whose loss would hurt: reading all of a million
        packets costs a Pi many seconds at each start. Damage elsewhere shows when it is used. Read-only,
        because a writer that closes a damaged file first folds the log into it and then deletes the log.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            text = f"dossier {self.path.parent} impossible à créer ({exc.strerror}), changez MESHBOT_DATA_DIR"
            raise StorageError(text) from exc
        try:
            if not self.path.is_file():
                return
            killed = Path(f"{self.path}-wal").exists()
            # killed before it had a write-ahead log: the first change, half done, can only be taken back by a writer
            is_half_made = Path(f"{self.path}-journal").exists()
        except OSError as exc:
            text = f"dossier {self.path.parent} fermé au compte du bot ({exc.strerror}), donnez-le-lui (chown)"
            raise StorageError(text) from exc
        try:
            with closing(self._connection(self.path, "rw" if is_half_made else "ro")) as reader:
                known = {name for (name,) in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                asked = [""] if killed else [f"('{name}')" for name in tables if name in known]
                verdicts = {str(reader.execute(f"PRAGMA quick_check{name}").fetchone()[0]) for name in asked} - {"ok"}
        except READ_ERRORS as exc:
            raise self.explained(exc) from exc
        if FORMAT_TABLE in known and (missing := ALWAYS_THERE - known):
            verdicts.add(f"sans {', '.join(sorted(missing))}")
        if verdicts:
            raise DamagedError(f"{self.path} est abîmé ({'; '.join(sorted(verdicts))})")

    def in_place(self) -> bool:
        """Return whether the file that was opened is still the one at its path."""
        if self._opened is None:
            return True
        if self._opened != _identity(self.path):
            return False
        self._log = _identity(self._log_path)
        return True

    def let_go(self) -> None:
        """Close a file that is no longer in place; its log must not be taken for that of another one there.

        SQLite leaves the log of such a file where it is, and the next to open that path would fold it in.
        """
        log = self._log
        self.close()
        if log is not None and log == _identity(self._log_path):
            # The folder itself may be gone
            with suppress(OSError):
                self._log_path.rename(f"{self._log_path}.old")

    def _read_only(self, path: Path) -> sqlite3.Connection:
        return self._connection(path, "ro")

    def _connection(self, path: Path, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=self._busy_timeout)

    def set_aside(self, now: datetime) -> Path:
        """Rename the file and what belongs to it; return the new path. Nothing is deleted, nothing overwritten.

        No transaction may be open. The last connection to be closed deletes the log *by name*, so none of ours may
        outlive the renaming; a reader holds the file meanwhile, so that none of them is the last one.
        """
        with closing(self._read_only(self.path)) as holder:
            # One too damaged for this has no log that could be folded in
            with suppress(*READ_ERRORS):
                holder.execute("BEGIN")
                holder.execute("SELECT count(*) FROM sqlite_master").fetchone()
            self.close()
            return self._renamed(now)

    def _renamed(self, now: datetime) -> Path:
        stamp = f"{self.path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}"
        aside, again = self.path.with_name(stamp), 1
        while any(Path(f"{aside}{suffix}").exists() for suffix in SUFFIXES):
            aside, again = self.path.with_name(f"{stamp}.{again}"), again + 1
        try:
            for suffix in SUFFIXES:
                part = Path(f"{self.path}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
        except OSError as exc:
            text = f"{self.path} est abîmé et ne peut pas être renommé ({exc.strerror}), déplacez-le"
            raise StorageError(text) from exc
        return aside

    def rescued(self, aside: Path, tables: Iterable[Table]) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        """Yield what can still be read of `tables` in a file that was set aside, up to each one's first damage."""
        with suppress(sqlite3.Error), closing(self._read_only(aside)) as reader:
            reader.row_factory = sqlite3.Row
            for table in tables:
                rows: list[dict[str, Any]] = []
                with suppress(*READ_ERRORS):
                    for row in reader.execute(f"SELECT * FROM {table.name}"):  # noqa: S608 - our own tables' names
                        rows.append({name: row[name] for name in row.keys() if name in table.c})  # noqa: PERF401, SIM118 - keeps what came before the damage; a Row is no dict
                yield table, rows

    def limit(self, connection: Connection, seconds: float) -> None:
        """Let this transaction's statements run that long."""
        end = time.monotonic() + seconds
        raw: Any = connection.connection.dbapi_connection
        raw.set_progress_handler(lambda: time.monotonic() > end, PROGRESS_STEPS)

    def explained(self, exc: Exception) -> StorageError:
        """Return the error as one whose text a person understands."""
        cause = exc.orig if isinstance(exc, DBAPIError) else exc
        code = getattr(cause, "sqlite_errorcode", None)
        if isinstance(cause, UnicodeDecodeError) or UNDECODABLE in str(cause):
            code = sqlite3.SQLITE_CORRUPT
        if code is None:
            return StorageError(f"{self.path}: échec inattendu ({cause})")
        # The rest of the code is detail
        primary = code & 0xFF
        if primary == sqlite3.SQLITE_INTERRUPT:
            return TooSlowError("recherche trop longue, interrompue: demandez une période plus courte")
        advice = ADVICE.get(primary, "échec inattendu, redémarrez le bot")
        kind = DamagedError if primary in DAMAGED else StorageError
        return kind(f"{advice.format(path=self.path, folder=self.path.parent)} ({cause})")

    def renew(self) -> None:
        """Close all connections; see Backend.

        SQLite maps the index of the log once for all connections of a process: as long as one is open that met a disk
        which took no writes, that map is read-only, and every new connection gets it.
        """
        self.reader.dispose()
        self.writer.dispose()

    def close(self) -> None:
        """Close the file; its log is folded back into it."""
        self.renew()
        self._opened = self._log = None

    def _note_file(self, _connection: object, _record: object) -> None:
        self._opened = self._opened or _identity(self.path)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file at `path`, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _set_up_writer(connection: Any, _record: object) -> None:
    """Make a fresh connection safe against a kill and against the plug being pulled.

    With a write-ahead log a killed process loses nothing that was committed, whatever `synchronous` says: the kernel
    has it. NORMAL would lose the last commits with the power, and a Pi is switched off by its plug; FULL syncs the log
    at every commit, and what is not urgent is committed in batches.
    """
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _set_up_reader(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON").close()
