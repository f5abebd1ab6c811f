"""The real program as a child process, its log read line by line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

MAIN = Path(__file__).resolve().parents[2] / "main_bot.py"
# Seconds; the bot promises 3
STOP_TIMEOUT = 5.0


class BotProcess:
    """`main_bot.py` on settings given as MESHBOT_ variables; each log line goes to `on_line` as it comes."""

    def __init__(self, settings: Mapping[str, object], folder: Path, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MESHBOT_")}
        self._process = subprocess.Popen(  # noqa: S603 - our own program, in the Python that runs this
            [sys.executable, "-u", str(MAIN)],
            # Without the visitor's own meshbot.toml and node_names.json
            cwd=folder,
            env=inherited | {f"MESHBOT_{name.upper()}": str(value) for name, value in settings.items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="Demo-Log", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._on_line(line.rstrip("\n"))
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def count(self, pattern: str) -> int:
        """Return how many log lines match so far."""
        with self._changed:
            return self._count(pattern)

    def wait_for(self, pattern: str, count: int, timeout: float) -> None:
        """Wait until `count` log lines match; TimeoutError if they do not come or the bot ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._count(pattern) >= count, timeout)
            if self._count(pattern) < count:
                raise TimeoutError(f"« {pattern} » absent du journal")

    def stop(self) -> int:
        """Stop it as systemd would; return its exit code."""
        self._process.terminate()
        try:
            code = self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(STOP_TIMEOUT)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def _count(self, pattern: str) -> int:
        return sum(re.search(pattern, line) is not None for line in self._lines)
