"""The database as the program sees it: transactions, whatever happens to the disk; each fault is logged once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, Table, insert, inspect, select
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from meshbot.runtime import Clock, DatabaseFailed, DatabaseRecovered, Report, Throttle, unreported
from meshbot.storage.errors import DamagedError, RefusedRowError, StorageError, TooSlowError
from meshbot.storage.schema import METADATA, PRECIOUS, REVISIONS, VERSION
from meshbot.storage.server import ServerBackend
from meshbot.storage.sqlite import BUSY_TIMEOUT, FILE_NAME, SqliteBackend

LOGGER = logging.getLogger(__name__)
# Lines for people, without a traceback
info_print, error_print = LOGGER.info, LOGGER.error

REPORT_EVERY: Final = 600.0  # seconds between two reports of one trouble
QUERY_TIMEOUT: Final = 2.0  # seconds that one transaction of `reading` may search


class Backend(Protocol):
    """A kind of database: all that differs between a file and a server."""

    # for messages; no password in it
    where: str
    writer: Engine
    reader: Engine

    def check(self, tables: Iterable[str]) -> None:
        """Make what must be there before opening; raise DamagedError if it cannot be used and StorageError."""

    def in_place(self) -> bool:
        """Return whether what was opened was neither deleted nor replaced since."""
        ...

    def let_go(self) -> None:
        """Close what is no longer in place."""

    def set_aside(self, now: datetime) -> Path:
        """Put what is damaged out of the way and return where it is; raise StorageError."""
        ...

    def rescued(self, aside: Path, tables: Iterable[Table]) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        """Yield what can be read of what was set aside."""
        ...

    def limit(self, connection: Connection, seconds: float) -> None:
        """Let each statement of this transaction run that long."""

    def explained(self, exc: Exception) -> StorageError:
        """Return the error as one whose text a person understands."""
        ...

    def renew(self) -> None:
        """Close all connections, for the next ones to find the disk or the server as it is now."""

    def close(self) -> None:
        """Close all connections."""


class Database:
    """Thread-safe. Opened by its first transaction, and again after damage; the first fault and its end are logged."""

    def __init__(self, backend: Backend, clock: Clock, report: Report = unreported) -> None:
        """Prepare access; nothing is opened yet."""
        self.backend = backend
        self._report = report
        # how often it was opened: a new one may lack what the last one held
        self.generation = 0
        self._clock = clock
        # Called after it was opened, and when it takes everything again; it only fills an inbox
        self.on_change: Callable[[], object] = bool
        # called with the seconds of each transaction that was committed; it never waits
        self.on_transaction: Callable[[float], object] = bool
        # protects what follows; held for no I/O
        self._state_lock = threading.Lock()
        self._is_open = False
        self._opening = False
        # transactions under way
        self._users = 0
        self._damage: DamagedError | None = None
        self._fails = False
        self._reports = Throttle(REPORT_EVERY)

    def open(self) -> None:
        """Open it if it is not; a damaged one is set aside for a new one. Raises StorageError."""
        with self._state_lock:
            if self._is_open:
                return
            if self._opening:
                raise TooSlowError(f"{self.backend.where} est en cours d'ouverture, réessayez dans un moment")
            if self._users:
                raise StorageError(f"{self.backend.where} est en cours de remise en état, réessayez")
            self._opening = True
        opened = False
        try:
            self._open()
            opened = self.backend.in_place()
        finally:
            with self._state_lock:
                self._opening = False
                self._is_open = opened
                self.generation += opened
        self.on_change()

    @property
    def works(self) -> bool:
        """Whether it is open and the last transaction did not fail; any thread may ask."""
        return self._is_open and not self._fails

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose work is committed on leaving, or rolled back; raise StorageError."""
        if self._fails and self._damage is None:
            # A reader that was opened meanwhile, on a disk that took no writes, would keep this one from writing
            self.backend.renew()
        began = self._clock.monotonic()
        with self._used(self.backend.writer) as connection:
            yield connection
        self.on_transaction(self._clock.monotonic() - began)
        self._report_recovery()

    @contextmanager
    def reading(self, seconds: float = QUERY_TIMEOUT) -> Iterator[Connection]:
        """Give a connection for questions that writers do not delay; raise TooSlowError beyond `seconds` for one."""
        with self._used(self.backend.reader) as connection:
            self.backend.limit(connection, seconds)
            yield connection

    @property
    def fails(self) -> bool:
        """Whether its last transaction failed; any thread may ask."""
        return self._fails

    def close(self) -> None:
        """Close all connections; the next transaction opens it again."""
        with self._state_lock:
            self._is_open = False
        self.backend.close()

    @contextmanager
    def _used(self, engine: Engine) -> Iterator[Connection]:
        try:
            self._enter()
            pool = engine.pool
            try:
                with engine.begin() as connection:
                    yield connection
            # a message of SQLite's that cannot be decoded passes SQLAlchemy as it is
            except (SQLAlchemyError, UnicodeDecodeError) as exc:
                raise self._explained(exc, engine) from exc
            finally:
                # disposed of meanwhile: ours went back to it, and nobody would close it
                if engine.pool is not pool:
                    pool.dispose()
                with self._state_lock:
                    self._users -= 1
        except (TooSlowError, RefusedRowError):
            raise
        except StorageError as exc:
            self._report_failure(exc)
            raise

    def _enter(self) -> None:
        if not self.backend.in_place():
            self._close_replaced()
        self.open()
        with self._state_lock:
            # Another thread has met damage since
            if not self._is_open:
                raise StorageError(f"{self.backend.where} est en cours de remise en état, réessayez")
            self._users += 1

    def _close_replaced(self) -> None:
        """Close what was deleted or replaced, for `open` to open what is there now, or a new one."""
        with self._state_lock:
            # While others use it, the transaction after them does this
            if not self._is_open or self._users:
                return
            self._is_open = False
        self.backend.let_go()
        error_print(
            "❌ Base de données: %s a été supprimée ou remplacée. Elle est rouverte avec ce qui est en mémoire",
            self.backend.where,
        )

    def _explained(self, exc: SQLAlchemyError | UnicodeDecodeError, engine: Engine) -> StorageError:
        if isinstance(exc, NoConnectionError):
            return TooSlowError("base de données occupée, réessayez dans un moment")
        if isinstance(exc, IntegrityError | DataError):
            return RefusedRowError(f"ligne refusée par {self.backend.where} ({exc.orig})")
        error = self.backend.explained(exc)
        # The next transaction starts from a freshly opened file
        if not isinstance(error, TooSlowError | DamagedError):
            self.backend.renew()
            return error
        # The log of a damaged one must not be folded in, as its last connection to be closed would
        engine.dispose()
        if isinstance(error, DamagedError):
            with self._state_lock:
                self._damage = error
                self._is_open = False
        return error

    def _open(self) -> None:
        try:
            # Met while running: no check is needed
            if self._damage is not None:
                raise self._damage
            self.backend.check(table.name for table in PRECIOUS)
            self._prepare()
        except DamagedError as exc:
            self._replace_damaged(exc)

    def _replace_damaged(self, damage: DamagedError) -> None:
        aside = self.backend.set_aside(self._clock.now())
        self._damage = None
        self._prepare()
        saved = sum(self._save_rescued(table, rows) for table, rows in self.backend.rescued(aside, PRECIOUS))
        error_print(
            "❌ Base de données illisible: %s. Gardée sous %s, une base neuve est commencée, %d lignes sauvées",
            damage,
            aside,
            saved,
        )

    def _prepare(self) -> None:
        """Make the tables, or bring them up to date."""
        try:
            with self.backend.writer.begin() as connection:
                _prepare(connection, self.backend.where)
        except (SQLAlchemyError, UnicodeDecodeError) as exc:
            self.backend.close()
            raise self.backend.explained(exc) from exc
        except StorageError:
            self.backend.close()
            raise

    def _save_rescued(self, table: Table, rows: list[dict[str, Any]]) -> int:
        """Insert what was rescued, row by row if some are not what they should be; return how many."""
        try:
            with self.backend.writer.begin() as connection:
                if rows:
                    connection.execute(insert(table), rows)
        except SQLAlchemyError:
            # The search for the bad ones is short when they are few
            half = len(rows) // 2
            return sum(self._save_rescued(table, part) for part in (rows[:half], rows[half:]) if half)
        return len(rows)

    def _report_failure(self, error: StorageError) -> None:
        with self._state_lock:
            is_known, self._fails = self._fails, True
            is_due = self._reports.count(self._clock.monotonic())
            # Reported under the lock, which keeps the order: it only fills an inbox
            if is_due or not is_known:
                self._report(DatabaseFailed(str(error)))
        if not is_known:
            error_print(
                "❌ Base de données: %s. Ce qui est appris reste en mémoire et sera écrit dès que possible", error
            )

    def _report_recovery(self) -> None:
        with self._state_lock:
            failed, self._fails = self._fails, False
            if failed:
                self._report(DatabaseRecovered())
        if failed:
            self.on_change()
            info_print("✅ Base de données de nouveau accessible")


def open_database(data_dir: Path, clock: Clock, busy_timeout: float = BUSY_TIMEOUT) -> Database:
    """Open `data_dir`/meshbot.db, made if missing; a damaged one is set aside for a new one. Raises StorageError."""
    database = Database(SqliteBackend(data_dir / FILE_NAME, busy_timeout), clock)
    database.open()
    return database


def database_of(url: str, data_dir: Path, clock: Clock, report: Report = unreported) -> Database:
    """Return the database at `url`, or the file in `data_dir` for an empty one; not opened. Raises StorageError."""
    return Database(ServerBackend(url) if url else SqliteBackend(data_dir / FILE_NAME), clock, report)


def storable(text: str) -> str:
    """Return the text without what some database refuses: NUL, and halves of characters."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _prepare(connection: Connection, where: str) -> None:
    has_version = inspect(connection).has_table(VERSION.name)
    version = connection.execute(select(VERSION.c.version_num)).scalar_one_or_none() if has_version else None
    if version is None:
        METADATA.create_all(connection)
        connection.execute(insert(VERSION).values(version_num=REVISIONS[-1]))
    elif version not in REVISIONS:
        raise StorageError(f"{where} est au format {version}, ce programme lit {REVISIONS[-1]}: mettez le bot à jour")
    elif version != REVISIONS[-1]:
        from meshbot.storage.migrations.upgrade import upgrade  # noqa: PLC0415 - Alembic takes 11 MB, once a new format

        upgrade(connection)
        info_print("🗄️ Base de données mise à jour: format %s → %s", version, REVISIONS[-1])
