"""A running bot seen from outside: what its process holds, and what it writes to disk."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped] # ships no types

LOOK_EVERY = 0.5  # seconds
# Seconds of CPU time between two looks: two ticks, which an idle bot does not reach
IDLE_CPU = 0.02
SETTLE_TIMEOUT = 30.0  # seconds
# Of SQLite's wal-index, "iChange": grows by one with each transaction
COUNTER = slice(8, 12)
LATEST = "SELECT sender, packet_id FROM packets ORDER BY id DESC LIMIT 20"

Mark = tuple[int, int]  # a packet's sender and id


# -- the process


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A process at one moment."""

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
        """Return the counts that must not grow."""
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
    """Return the state once the process is idle; TimeoutError if it does not become so."""
    pause = threading.Event()
    before = look(pid)
    for _ in range(int(SETTLE_TIMEOUT / LOOK_EVERY)):
        pause.wait(LOOK_EVERY)
        now = look(pid)
        if now.cpu - before.cpu <= IDLE_CPU and now.handles == before.handles:
            return now
        before = now
    raise TimeoutError(f"process {pid} does not come to rest within {SETTLE_TIMEOUT:g} s")


# -- the disk


class PacketReader:
    """Reads the database in a running bot's `data_dir`; ends with `with`, before the bot does.

    An open reader would keep the bot's last connection from checkpointing the WAL into the file.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "meshbot.db"
        self._reader = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)

    @property
    def commits(self) -> int:
        """Return the number of transactions plus a constant."""
        with Path(f"{self._path}-shm").open("rb") as index:
            return int.from_bytes(index.read(COUNTER.stop)[COUNTER], sys.byteorder)

    def latest(self) -> list[Mark]:
        """Return the packets stored last, the newest first."""
        return self._reader.execute(LATEST).fetchall()

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self._reader.close()


def stored_packets(data_dir: Path) -> list[Mark]:
    """Return all packets stored by a bot that has ended."""
    with closing(sqlite3.connect(data_dir / "meshbot.db")) as reader:
        return reader.execute("SELECT sender, packet_id FROM packets").fetchall()


def bytes_written(pid: int) -> int:
    """Return what a process has handed to write calls, its log included, sockets not."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])
