"""The machine that the bot runs on, from /proc and /sys; what is not there is None."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")
# Of /proc/PID/stat in a second
TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")  # bytes
# Places in /proc/PID/stat behind the command's closing bracket: see proc_pid_stat(5), where they count from 3
USER_TICKS, SYSTEM_TICKS, THREADS, STARTED_TICKS, PAGES = 11, 12, 17, 19, 21


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """What one process uses."""

    memory: int  # resident bytes
    cpu: float  # seconds
    threads: int
    started: float  # seconds after the system's start


@dataclass(frozen=True, slots=True)
class HostFigures:
    """The host at one moment; None where it has no such value."""

    temperature: float | None = None  # °C
    load: float | None = None  # processes running or waiting, over the last minute
    memory_used: float | None = None  # share of all, 0 to 1
    disk_used: float | None = None  # share of the file system
    uptime: float | None = None  # seconds
    process: ProcessFigures | None = None


def read_host(disk: Path, root: Path = Path("/")) -> HostFigures:
    """Look at the host whose /proc and /sys lie under `root`, and at the file system that holds `disk`."""
    return HostFigures(
        temperature=_unless_missing(lambda: _temperature(root / "sys/class/thermal")),
        load=_unless_missing(lambda: float((root / "proc/loadavg").read_text().split()[0])),
        memory_used=_unless_missing(lambda: _memory_used((root / "proc/meminfo").read_text())),
        disk_used=_unless_missing(lambda: _disk_used(disk)),
        uptime=_unless_missing(lambda: float((root / "proc/uptime").read_text().split()[0])),
        process=read_process(root),
    )


def read_process(root: Path = Path("/")) -> ProcessFigures | None:
    """Look at this process, which waits for no disk."""
    return _unless_missing(lambda: _process((root / "proc/self/stat").read_text()))


def _unless_missing(read: Callable[[], T]) -> T | None:
    with suppress(OSError, ValueError, LookupError, ZeroDivisionError):
        return read()
    return None


def _temperature(thermal: Path) -> float | None:
    """Return the first zone that can be read; a Pi has one, the processor's."""
    for zone in sorted(thermal.glob("thermal_zone*")):
        # a zone that is switched off refuses
        with suppress(OSError, ValueError):
            return int((zone / "temp").read_text()) / 1000
    return None


def _memory_used(meminfo: str) -> float:
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in meminfo.splitlines())}
    return 1 - sizes["MemAvailable"] / sizes["MemTotal"]


def _disk_used(path: Path) -> float:
    usage = shutil.disk_usage(path)
    # as df: what is kept for root counts neither way
    return usage.used / (usage.used + usage.free)


def _process(stat: str) -> ProcessFigures:
    # the command before it may hold anything
    fields = stat.rpartition(")")[2].split()
    return ProcessFigures(
        memory=int(fields[PAGES]) * PAGE,
        cpu=(int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / TICKS,
        threads=int(fields[THREADS]),
        started=int(fields[STARTED_TICKS]) / TICKS,
    )
