"""The bot's process: started, read, signalled, looked at from outside, and always ended."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# Under nohup or in a shell's background it would inherit signals ignored
SIGNALLED: Final = ("env", "--default-signal=HUP,INT,TERM")
# Seconds until one that does not stop is killed, on a machine that has no processor to give
END: Final = 30.0
FOREIGN: Final = ("MESHBOT_", "JOURNAL_", "NOTIFY_", "STATE_", "RUNTIME_")
# In /proc/net/tcp: established, and asked for
LIVE_STATES: Final = frozenset({"01", "02"})


@dataclass(frozen=True, slots=True)
class Gauge:
    """What a process holds."""

    threads: int
    descriptors: int
    memory: int  # kB of RSS


class BotProcess:
    """One life of the bot."""

    def __init__(self, folder: Path, settings: Mapping[str, object], path: Path) -> None:
        """Start it in `folder`; `settings` become MESHBOT_ variables, `path` goes before PATH."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        environ |= {f"MESHBOT_{name.upper()}": str(value) for name, value in settings.items()}
        environ |= {"PYTHONPATH": str(ROOT), "PATH": f"{path}:{environ['PATH']}"}
        self.lines: list[str] = []
        self.began = time.monotonic()
        self._may_read = threading.Event()
        self._may_read.set()
        self._process = subprocess.Popen(
            [*SIGNALLED, sys.executable, "-u", "-m", "chaos.stepped_bot", "offset"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="Chaos-Output", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._process.stdout or open(os.devnull) as output:  # noqa: PTH123 - never None: asked for above
            for line in output:
                self.lines.append(line.rstrip("\n"))
                self._may_read.wait()

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Return its exit code, None while it runs."""
        return self._process.poll()

    def leave_unread(self) -> None:
        """Read no more of its output: the pipe fills."""
        self._may_read.clear()

    def read_on(self) -> None:
        """Read its output again."""
        self._may_read.set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self._process.send_signal(number)

    def limit_files(self, size: int) -> None:
        """Let no file grow beyond that many bytes (RLIM_INFINITY: no limit): to a process as if the disk were full."""
        hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, hard))

    def stop(self) -> float:
        """Ask it to end; return the seconds that it took, `END` or more if it had to be killed."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(END)
        except subprocess.TimeoutExpired:
            self.kill()
        return time.monotonic() - began

    def kill(self) -> None:
        """End it without a chance to do anything."""
        self._process.kill()
        self._process.wait(END)

    def close(self) -> None:
        """End it if it runs, and read what is left."""
        if self.code is None:
            self.kill()
        self.read_on()
        self._reader.join(END)

    def matching(self, pattern: str) -> list[str]:
        """Return the lines so far that match."""
        return [line for line in list(self.lines) if re.search(pattern, line)]

    def gauge(self) -> Gauge | None:
        """Return what it holds, None if it has ended."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
            count = sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())
        except OSError:
            return None
        found = dict(re.findall(r"^(Threads|VmRSS):\s+(\d+)", status, re.MULTILINE))
        return (
            Gauge(int(found["Threads"]), count, int(found["VmRSS"]))
            if len(found) == len(("Threads", "VmRSS"))
            else None
        )


def links_of(pid: int, port: int) -> list[str]:
    """Return a process's TCP sockets that are connected to that port, or ask to be."""
    own: set[str] = set()
    try:
        table = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        for each in Path(f"/proc/{pid}/fd").iterdir():
            own.update(re.findall(r"socket:\[(\d+)\]", _target(each)))
    except OSError:
        return []
    # the kernel repeats a row when others come and go while it is read
    live = {
        row[9]: f"{row[1]} in state {row[3]}"
        for row in map(str.split, table)
        if int(row[2].rpartition(":")[2], 16) == port and row[3] in LIVE_STATES and row[9] in own
    }
    return list(live.values())


def _target(link: Path) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115 - its target is no path
    # closed meanwhile
    except OSError:
        return ""
