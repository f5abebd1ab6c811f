"""What a process holds, seen from outside."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped] # ships no types

LOOK_EVERY = 0.5  # seconds
IDLE_CPU = 0.02  # seconds of CPU time between two looks: two ticks, which an idle bot does not reach
SETTLE_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One look at a process."""

    rss: int  # bytes
    cpu: float  # seconds since its start, user and system
    threads: int
    sockets: int
    descriptors: int

    @property
    def megabytes(self) -> float:
        """Return the resident memory in MB."""
        return self.rss / 1e6

    @property
    def handles(self) -> tuple[int, int, int]:
        """Return what must not grow."""
        return self.threads, self.sockets, self.descriptors


def look(pid: int) -> ProcessState:
    """Return the process's present state."""
    process = psutil.Process(pid)
    with process.oneshot():
        cpu = process.cpu_times()
        return ProcessState(
            rss=process.memory_info().rss,
            cpu=cpu.user + cpu.system,
            threads=process.num_threads(),
            sockets=len(process.net_connections(kind="all")),
            descriptors=process.num_fds(),
        )


def settled(pid: int) -> ProcessState:
    """Return the state once the process has nothing left to do; TimeoutError if that does not come."""
    pause = threading.Event()
    before = look(pid)
    for _ in range(int(SETTLE_TIMEOUT / LOOK_EVERY)):
        pause.wait(LOOK_EVERY)
        now = look(pid)
        if now.cpu - before.cpu <= IDLE_CPU and now.handles == before.handles:
            return now
        before = now
    raise TimeoutError(f"process {pid} does not come to rest within {SETTLE_TIMEOUT:g} s")
