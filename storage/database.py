"""The database file: opening it, keeping it sound, and saying in words what is wrong with it."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from storage.schema import METADATA, SCHEMA_VERSION, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from runtime.clock import Clock

LOGGER = logging.getLogger(__name__)

FILE_NAME: Final = "meshbot.db"
# Only the bot writes here: a lock held longer than this is a person's shell or a backup. A stop must fit into 3 s.
BUSY_TIMEOUT: Final = 1.0
POOL_TIMEOUT: Final = 5.0  # seconds a thread waits for another one's transaction

DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
ADVICE: Final = {
    sqlite3.SQLITE_FULL: "disque plein, libérez de la place pour {path}",
    sqlite3.SQLITE_READONLY: "écriture refusée, donnez au compte du bot le droit d'écrire dans {folder}",
    sqlite3.SQLITE_BUSY: "{path} est verrouillé par un autre programme, fermez-le",
    sqlite3.SQLITE_LOCKED: "{path} est verrouillé par un autre programme, fermez-le",
    sqlite3.SQLITE_CANTOPEN: "impossible d'ouvrir {path}, vérifiez que {folder} appartient au compte du bot",
    sqlite3.SQLITE_IOERR: "erreur d'entrée-sortie sur {path}, vérifiez la carte SD (dmesg)",
    sqlite3.SQLITE_CORRUPT: "{path} est abîmé, redémarrez le bot: il le mettra de côté",
    sqlite3.SQLITE_NOTADB: "{path} n'est pas une base de données, redémarrez le bot: il le mettra de côté",
}


class StorageError(Exception):
    """The database refused; the text says why and what to do."""


class DamagedError(StorageError):
    """The file's content cannot be read as a database."""


class Database:
    """One database file behind one connection, handed from thread to thread."""

    def __init__(self, path: Path, busy_timeout: float = BUSY_TIMEOUT) -> None:
        """Prepare access to `path`; nothing is opened before the first transaction."""
        self.path = path
        # One connection that stays: closing the last one folds the log back into the file, and opening
        # begins a new one, which an SD card would pay for at every commit.
        self.engine: Engine = create_engine(
            URL.create("sqlite+pysqlite", database=str(path)),
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            connect_args={"check_same_thread": False, "timeout": busy_timeout},
        )
        event.listen(self.engine, "connect", _set_up)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose work is committed on leaving, or rolled back; raise StorageError."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as exc:
            self.engine.dispose()  # the next transaction starts from a freshly opened file
            raise _explained(exc, self.path) from exc

    def close(self) -> None:
        """Close the file; its log is folded back into it."""
        self.engine.dispose()


def open_database(data_dir: Path, clock: Clock, busy_timeout: float = BUSY_TIMEOUT) -> Database:
    """Open `data_dir`/meshbot.db, made if missing; a damaged one is set aside for a new one. Raises StorageError."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"dossier {data_dir} impossible à créer ({exc.strerror}), changez MESHBOT_DATA_DIR") from exc
    path = data_dir / FILE_NAME
    try:
        _inspect(path, busy_timeout)
        return _prepared(Database(path, busy_timeout))
    except DamagedError as exc:
        aside = _set_aside(path, clock.now())
        error_print = LOGGER.error  # a line for people, without a traceback
        error_print("❌ Base de données illisible: %s. Gardée sous %s, une base neuve est commencée", exc, aside)
        return _prepared(Database(path, busy_timeout))


def _set_up(connection: Any, _record: object) -> None:
    """Make a fresh connection safe against a kill and against the plug being pulled.

    With a write-ahead log a killed process loses nothing that was committed, whatever `synchronous` says: the kernel
    has it. NORMAL would lose the last commits with the power, and a Pi is switched off by its plug; FULL syncs the log
    at every commit. We commit only what changed, so this costs a few syncs an hour.
    """
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _inspect(path: Path, busy_timeout: float) -> None:
    """Raise DamagedError if the file is no sound database.

    Read-only, because a writer that closes a damaged file first folds the log into it and then deletes the log.
    """
    if not path.is_file():
        return
    try:
        reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_timeout)
        with closing(reader):
            verdict = str(reader.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as exc:
        raise _explained(exc, path) from exc
    if verdict != "ok":
        raise DamagedError(f"{path} est abîmé ({verdict})")


def _prepared(database: Database) -> Database:
    """Return the database with its tables in it; close it when that fails."""
    try:
        with database.transaction() as connection:
            METADATA.create_all(connection)
            _check_version(connection, database.path)
    except StorageError:
        database.close()
        raise
    return database


def _check_version(connection: Connection, path: Path) -> None:
    version = connection.execute(select(VERSION.c.version_num)).scalar_one_or_none()
    if version is None:
        connection.execute(insert(VERSION).values(version_num=SCHEMA_VERSION))
    elif version != SCHEMA_VERSION:
        raise StorageError(f"{path} est au format {version}, ce programme lit {SCHEMA_VERSION}: mettez le bot à jour")


def _set_aside(path: Path, now: datetime) -> Path:
    """Rename the file and what belongs to it; return the new path. Nothing is deleted, nothing overwritten."""
    stamp = f"{path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}"
    aside, again = path.with_name(stamp), 1
    while any(Path(f"{aside}{suffix}").exists() for suffix in ("-wal", "-shm", "")):
        aside, again = path.with_name(f"{stamp}.{again}"), again + 1
    try:
        for suffix in ("-wal", "-shm", ""):  # the log first: beside a new file it would be thrown away
            part = Path(f"{path}{suffix}")
            if part.exists():
                part.rename(f"{aside}{suffix}")
    except OSError as exc:
        raise StorageError(f"{path} est abîmé et ne peut pas être renommé ({exc.strerror}), déplacez-le") from exc
    return aside


def _explained(exc: Exception, path: Path) -> StorageError:
    cause = exc.orig if isinstance(exc, DBAPIError) else exc
    code = getattr(cause, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None  # the rest of the code is detail
    advice = ADVICE.get(primary, "échec inattendu, redémarrez le bot") if primary is not None else "échec inattendu"
    kind = DamagedError if primary in DAMAGED else StorageError
    return kind(f"{advice.format(path=path, folder=path.parent)} ({cause})")
