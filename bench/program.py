"""The two contenders as child processes: started, watched line by line, and always ended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
# Seconds; imports on a busy machine
START_TIMEOUT = 60.0
# Seconds; the bot promises 3
STOP_TIMEOUT = 5.0


class Contender(StrEnum):
    """Who is measured."""

    STOCK = "stock"
    BOT = "bot"


READY: Mapping[Contender, str] = {
    Contender.STOCK: "^READY",
    Contender.BOT: r"✅ (Connexion TCP établie|Reconnexion TCP réussie)",
}


class Program:
    """A Python program of this project in a folder of its own; ends with `with`."""

    def __init__(self, arguments: Sequence[str], settings: Mapping[str, object] | None = None) -> None:
        """Start it; `settings` become MESHBOT_ variables."""
        self._folder = TemporaryDirectory(prefix="meshbot-bench-")
        foreign = ("MESHBOT_", "JOURNAL_", "NOTIFY_", "STATE_")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        environ |= {f"MESHBOT_{name.upper()}": str(value) for name, value in (settings or {}).items()}
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            # SIGHUP as in a service, also where the bench was started under nohup
            ["env", "--default-signal=HUP", sys.executable, "-u", *arguments],
            # No meshbot.toml and no data of another bot
            cwd=self._folder.name,
            env=environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="Bench-Output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    def count(self, pattern: str) -> int:
        """Return how many lines match so far."""
        with self._changed:
            return self._count(pattern)

    def wait_for(self, pattern: str, count: int = 1, timeout: float = START_TIMEOUT) -> None:
        """Wait until `count` lines match; TimeoutError if they do not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._count(pattern) >= count, timeout):
                last = "\n".join(self.lines[-10:]) or "nothing"
                raise TimeoutError(f"« {pattern} » did not come {count} times within {timeout:g} s, but:\n{last}")

    def finish(self, timeout: float = START_TIMEOUT) -> str:
        """Return all output of a program that ends by itself; TimeoutError if it does not, RuntimeError if it fails."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"no end within {timeout:g} s") from None
        self._reader.join(STOP_TIMEOUT)
        if code:
            raise RuntimeError("\n".join(self.lines[-10:]))
        return "\n".join(self.lines)

    def stop(self) -> None:
        """End it, by force if need be."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_TIMEOUT)
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Running already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()

    def _read(self) -> None:
        with self._process.stdout or open(os.devnull) as output:  # noqa: PTH123 - never None: asked for above
            for line in output:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()

    def _count(self, pattern: str) -> int:
        return sum(re.search(pattern, line) is not None for line in self.lines)


# A measurement asks more than the limits for users and air time allow
UNLIMITED = {"rate_limit_commands": 0, "air_time_limit": 100}


def launch(contender: Contender, port: int, scale: float = 1.0, **settings: object) -> Program:
    """Start a contender towards a node on loopback; wait for its READY with `await_ready`."""
    if contender is Contender.STOCK:
        return Program(["-m", "bench.stock", str(port), str(scale)])
    values = {"tcp_host": "127.0.0.1", "tcp_port": port, "data_dir": "data"} | UNLIMITED | settings
    if scale == 1:
        return Program([str(ROOT / "main_bot.py")], values)
    return Program(["-m", "bench.scaled_bot", str(scale)], values)


def await_ready(program: Program, contender: Contender, times: int = 1, timeout: float = START_TIMEOUT) -> None:
    """Wait until the contender was configured that often; TimeoutError if it is not."""
    program.wait_for(READY[contender], times, timeout)


def side_by_side(measure: Callable[[Contender], T]) -> dict[Contender, T]:
    """Return the results of both, measured at the same time in a thread each."""
    with ThreadPoolExecutor(len(Contender)) as threads:
        return dict(zip(Contender, threads.map(measure, Contender), strict=True))
