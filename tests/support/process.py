"""The real program as a process: started, watched line by line, signalled, and always ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # real seconds: only a failure waits so long
# What begins a program that is to be signalled: under nohup or in a shell's background it would inherit signals ignored
SIGNALLED = ("env", "--default-signal=HUP,INT,TERM")


class BotProcess:
    """`main_bot.py` with MESHBOT_ variables from keyword arguments."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        program: str = "main_bot.py",
        env: dict[str, str] | None = None,
        by: Sequence[str] = (),
        **settings: object,
    ) -> None:
        """`by` is what runs it, which then becomes it: its process id must stay."""
        variables = {f"MESHBOT_{name.upper()}": str(value) for name, value in settings.items()}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MESHBOT_", "JOURNAL_", "NOTIFY_"))}
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [*SIGNALLED, *by, sys.executable, str(ROOT / program), *arguments],
            cwd=cwd,
            env=inherited | {"PYTHONPATH": str(ROOT)} | variables | (env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, name="Test-Process-Output")
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()

    def wait_for(self, pattern: str, count: int = 1) -> str:
        """Return the `count`-th output line that matches, waiting for it."""
        with self._changed:
            ok = self._changed.wait_for(lambda: len(self.matching(pattern)) >= count, PATIENCE)
            assert ok, f"{count} × {pattern!r} did not come in:\n" + self.output
            return self.matching(pattern)[count - 1]

    def matching(self, pattern: str) -> list[str]:
        """Return the output lines so far that match."""
        return [line for line in self.lines if re.search(pattern, line)]

    @property
    def output(self) -> str:
        """All output so far."""
        return "\n".join(self.lines)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return the exit code once it has ended; all output has been read then."""
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        return code

    def __enter__(self) -> Self:
        """Running already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it whatever happened."""
        if self._process.poll() is None:
            self._process.kill()
        self.wait()
