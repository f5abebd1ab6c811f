"""A database server that several programs may share: PostgreSQL, through the optional driver psycopg."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from meshbot.storage.errors import StorageError, TooSlowError
from meshbot.storage.schema import ONE_TRUSTED_KEY

CONNECTIONS: Final = 3
CONNECT_TIMEOUT: Final = 5  # seconds, for the connection and for a free one of the pool
STATEMENT_TIMEOUT: Final = 5000  # milliseconds, also for bytes without a TCP acknowledgement
TOO_SLOW: Final = "57014"  # query_canceled
# The key of our advisory lock: "Mesh"; locks are per database
LOCK_KEY: Final = 0x4D657368
# After a cut without a FIN, the server has to release our lock soon, for us to take it again
KEPT_ALIVE: Final = "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
# libpq's own settings; the first bounds waiting for locks as well
BOUNDS: Final = {
    "connect_timeout": CONNECT_TIMEOUT,
    "options": f"-c statement_timeout={STATEMENT_TIMEOUT} {KEPT_ALIVE}",
    "tcp_user_timeout": STATEMENT_TIMEOUT,
}


class ServerBackend:
    """A database on a server; see Backend."""

    def __init__(self, url: str) -> None:
        """Take a URL such as postgresql://name:password@host/database. Raises StorageError if it cannot be used."""
        try:
            parsed = make_url(url)
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            self.where = f"la base {parsed.database} de {parsed.host or 'cette machine'}"
            holder = create_engine(parsed, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=BOUNDS)
            engine = create_engine(
                parsed,
                # letters are in them
                hide_parameters=True,
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_timeout=CONNECT_TIMEOUT,
                # The server may have been restarted since
                pool_pre_ping=True,
                connect_args=BOUNDS,
            )
        except ArgumentError as exc:
            raise StorageError("database_url illisible: postgresql://nom:mot_de_passe@serveur/base") from exc
        except ImportError as exc:
            text = "pilote PostgreSQL absent: .venv/bin/pip install 'psycopg[binary]'"
            raise StorageError(f"{text} ({exc.name})") from exc
        ONE_TRUSTED_KEY.dialect_kwargs["postgresql_where"] = ONE_TRUSTED_KEY.dialect_kwargs["sqlite_where"]
        self.writer = self.reader = engine
        # protects what follows; held during its I/O, which BOUNDS limits
        self._hold_lock = threading.Lock()
        self._holder_engine = holder
        # the session that owns the advisory lock
        self._holder: Connection | None = None
        # So the lock is taken again after the server was away
        event.listen(engine, "connect", self._on_connect)

    def in_place(self) -> bool:
        """See Backend; always so."""
        return True

    def let_go(self) -> None:
        """See Backend."""
        self.close()

    def check(self, tables: Iterable[str]) -> None:
        """See Backend; a server checks itself."""

    def set_aside(self, now: datetime) -> Path:  # noqa: ARG002 - see Backend
        """See Backend; never called."""
        raise StorageError(f"{self.where} ne se met pas de côté")

    def rescued(
        self,
        aside: Path,  # noqa: ARG002 - see Backend
        tables: Iterable[Table],  # noqa: ARG002 - see Backend
    ) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        """See Backend; never called."""
        return iter(())

    def limit(self, connection: Connection, seconds: float) -> None:
        """See Backend."""
        connection.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))

    def explained(self, exc: Exception) -> StorageError:
        """See Backend."""
        cause = exc.orig if isinstance(exc, DBAPIError) else exc
        if getattr(cause, "sqlstate", None) == TOO_SLOW:
            return TooSlowError("recherche trop longue, interrompue: demandez une période plus courte")
        reason = " ".join(str(cause).split())
        return StorageError(f"{self.where} refuse ou ne répond pas, vérifiez le serveur et database_url ({reason})")

    def renew(self) -> None:
        """See Backend; the session with our lock too: it may be one with a server that is no longer the right one."""
        self.close()

    def close(self) -> None:
        """See Backend."""
        with self._hold_lock:
            self._release()
        self.writer.dispose()

    def _on_connect(self, connection: Any, _record: object) -> None:
        try:
            self._hold()
        except (StorageError, SQLAlchemyError):
            # The pool does not know it yet
            connection.close()
            raise

    def _hold(self) -> None:
        """Take the lock that keeps other bots out of the database. Raises StorageError if one has it.

        A second bot would send again what waits to be sent, and count twice what is heard.
        """
        with self._hold_lock:
            if self._holds():
                return
            self._release()
            self._holder = self._holder_engine.connect()
            if not self._holder.scalar(text(f"SELECT pg_try_advisory_lock({LOCK_KEY})")):
                self._release()
                raise StorageError(
                    f"{self.where} est déjà utilisée par un autre bot, arrêtez-le ou changez database_url"
                )

    def _holds(self) -> bool:
        """Whether the session with the lock still exists."""
        if self._holder is None:
            return False
        try:
            return bool(self._holder.scalar(text("SELECT 1")))
        except SQLAlchemyError:
            return False

    def _release(self) -> None:
        holder, self._holder = self._holder, None
        if holder is None:
            return
        # The session may be gone, and the lock with it
        with suppress(SQLAlchemyError):
            holder.execute(text(f"SELECT pg_advisory_unlock({LOCK_KEY})"))
        with suppress(SQLAlchemyError):
            holder.close()
