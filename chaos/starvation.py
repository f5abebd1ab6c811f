"""How long processes wait for a processor: a bound in seconds is one of a machine that has them to give."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

# Seconds between two looks; a thread that ends between them is counted up to the last one
TICK: Final = 0.05
NANOSECONDS: Final = 1e-9
# Of the time that passes: however busy the machine, a bound is reached some day
MOST: Final = 0.8


class Starvation:
    """The seconds in which the bot or this process waited for a processor; counted by a thread of its own."""

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
        """Return them since the start; they grow more slowly than time."""
        return self._seconds

    def _count(self) -> None:
        at = time.monotonic()
        while not self._ended.wait(TICK):
            at, before = time.monotonic(), at
            waits = self._new_waits(self._bot_pid()), self._new_waits(os.getpid())
            self._seconds += min(sum(waits), MOST * (at - before))

    def _new_waits(self, pid: int) -> float:
        """Return how long the thread waited that waited longest since the last look, in seconds."""
        longest = 0.0
        for thread, waited in run_delays(pid).items():
            longest = max(longest, waited - self._waited.get((pid, thread), waited))
            self._waited[pid, thread] = waited
        return longest


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
