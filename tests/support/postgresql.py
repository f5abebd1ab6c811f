"""A PostgreSQL server of one's own for a few tests, on a unix socket; None where the machine has none."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

TIMEOUT = 60.0  # seconds to make or start it on a busy machine


def why_not() -> str | None:
    """What is missing, if something is."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed"
    if _programs() is None:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and _user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


class Server:
    """Runs from `start` to `stop`; `remove` deletes all of it."""

    def __init__(self) -> None:
        programs = _programs()
        assert programs is not None
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path must be short
        if os.geteuid() == 0:
            shutil.chown(self._folder, _user())
        self._run("initdb", "-D", str(self._data), "-U", "bot", "-A", "trust", "--no-sync", "-E", "UTF8")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://bot:s3cret@/postgres?host={quote(str(self._folder), safe='')}"

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "fast", "stop")

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        user = {"user": _user()} if os.geteuid() == 0 else {}
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, timeout=TIMEOUT, cwd=self._folder, stdout=subprocess.DEVNULL, **user)


def _programs() -> Path | None:
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def _user() -> str | None:
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None
