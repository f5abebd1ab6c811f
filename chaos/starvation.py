"""How long processes wait for a processor: a bound in seconds is one of a machine that has them to give."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

# Seconds between two looks; a thread that ends between them is counted up to the last one
TICK: Final = 0.05
NANOSECONDS: Final = 1e-9


class Starvation:
    """The seconds that all threads of the bot and of this process have waited; counted by a thread of its own."""

    def __init__(self, bot_pid: Callable[[], int]) -> None:
        self._bot_pid = bot_pid
        self._waited: dict[tuple[int, str], float] = {}
        self._seconds = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._count, name="Chaos-Starvation", daemon=True)

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Return them since the start; never less than before."""
        return self._seconds

    def _count(self) -> None:
        while not self._ended.wait(TICK):
            for pid in (self._bot_pid(), os.getpid()):
                for thread, waited in run_delays(pid).items():
                    known = self._waited.get((pid, thread), 0.0)
                    self._seconds += max(0.0, waited - known)
                    self._waited[pid, thread] = waited


def run_delays(pid: int) -> dict[str, float]:
    """Return by thread the seconds that it stood in a processor's queue (proc(5), schedstat); {} for no process."""
    found = {}
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found[task.name] = float((task / "schedstat").read_text(encoding="ascii").split()[1]) * NANOSECONDS
    # it, or one of its threads, has ended; or a kernel without these figures
    except (OSError, LookupError):
        pass
    return found
