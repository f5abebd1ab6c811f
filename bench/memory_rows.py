"""What remembering costs: commits, bytes for the card, memory, and the time of questions over a million packets.

`python -m bench.memory_rows [packets]` prints its rows alone; time is moved, not waited for.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from sqlalchemy import event, text

from mesh_link.packets import BROADCAST_NUM, NodeRecord, PacketHeard, Reception
from mesh_link.said import MetricsSaid, Neighbor, NeighborsSaid, PositionSaid, Said
from mesh_memory.memory import MeshMemory
from node_manager import NodeManager
from storage.database import Database, open_database
from storage.nodes import NodeStore
from storage.traffic import By

T = TypeVar("T")
OWN = 1
PAGE = 4096  # bytes
PORTS = {1: 20, 3: 25, 4: 15, 5: 5, 67: 25, 70: 3, 71: 2, None: 5}  # kinds of packets by frequency


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    target: str
    measured: str


class MovedClock:
    """A clock that the measure moves; see runtime.clock.Clock."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self.elapsed = 0.0

    def monotonic(self) -> float:
        """See Clock."""
        return self.elapsed

    def now(self) -> datetime:
        """See Clock."""
        return self._start + timedelta(seconds=self.elapsed)

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock; nothing waits here."""
        raise NotImplementedError


class Mesh:
    """Nodes that talk, most of them seldom."""

    def __init__(self, nodes: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.nums = [self._random.randrange(2, BROADCAST_NUM) for _ in range(nodes)]
        self._weights = [1 / (rank + 10) for rank in range(nodes)]

    def packets(self, count: int) -> Iterator[PacketHeard]:
        """Yield so many packets."""
        pick = self._random
        senders = pick.choices(self.nums, self._weights, k=count)
        ports = pick.choices(list(PORTS), list(PORTS.values()), k=count)
        for number, (sender, port) in enumerate(zip(senders, ports, strict=True), 1):
            hops = pick.choice((0, 0, 1, 1, 2, 3, None))
            reception = Reception(pick.uniform(-20, 10), pick.randrange(-125, -60), hops, 0, pick.random() < 0.05)
            channel = None if port is None else pick.choice((0, 0, 0, 1))
            said = self._said(port)
            yield PacketHeard(number, sender, BROADCAST_NUM, channel, port, pick.randrange(10, 200), 3, reception, said)

    def _said(self, port: int | None) -> Said | None:
        pick = self._random
        if port == 3:
            return PositionSaid(48 + pick.random(), 2 + pick.random(), 100)
        if port == 67:
            return MetricsSaid(80, 4.0, 12.0, 1.0)
        if port == 71:
            return NeighborsSaid(tuple(Neighbor(num, -5.0) for num in pick.sample(self.nums, 6)))
        return None


class Remembering:
    """A memory on a fresh database, which hears at a given rate."""

    def __init__(self, folder: Path, mesh: Mesh, days_ago: float = 0) -> None:
        self.clock = MovedClock(datetime.now(UTC) - timedelta(days=days_ago))
        self.database: Database = open_database(folder, self.clock)
        self.manager = NodeManager(NodeStore(self.database), self.clock)
        self.memory = MeshMemory(self.database, self.manager, self.clock, lambda: OWN)
        records = [NodeRecord(num, f"Node {num:x}", f"{num & 0xFFFF:x}") for num in mesh.nums]
        self.manager.learn_from_node_database([NodeRecord(OWN, latitude=48.5, longitude=2.5), *records])
        self.commits = 0
        event.listen(self.database.backend.writer, "commit", self._count)

    def _count(self, _connection: object) -> None:
        self.commits += 1

    def hear(self, packets: Iterator[PacketHeard], interval: float) -> None:
        """Hear them so many seconds apart, and commit when it is due, as Housekeeping does."""
        for packet in packets:
            self.clock.elapsed += interval
            self.memory.hear(packet)
            if self.clock.elapsed >= self.memory.deadline():
                self.memory.flush()


def rows(packets: int = 1_000_000) -> Iterator[Row]:
    """Measure, and yield a line as soon as it is known."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _writing(Path(folder) / "busy", Mesh(5000), 30_000, 0.02, "50 packets/s, 5,000 nodes, 10 min")
        yield from _writing(Path(folder) / "calm", Mesh(200), 7_200, 0.5, "2 packets/s, 200 nodes, 1 h")
        yield from _asking(Path(folder) / "week", Mesh(5000), packets)


def _writing(folder: Path, mesh: Mesh, count: int, interval: float, name: str) -> Iterator[Row]:
    rss = _resident()
    remembering = Remembering(folder, mesh)
    remembering.hear(mesh.packets(200), interval)  # the first ones open files and load modules
    remembering.memory.flush(last=True)
    commits, written, cpu = remembering.commits, _written(), time.process_time()
    remembering.hear(mesh.packets(count), interval)
    remembering.memory.flush(last=True)
    cpu, written, commits = time.process_time() - cpu, _written() - written, remembering.commits - commits
    remembering.database.close()
    rate = commits / (count * interval)
    yield Row(f"commits a second, {name}", "≤ 1" if interval < 0.1 else "stated", f"{rate:.2f}")
    yield Row(f"bytes written a packet, {name}", "stated", f"{written / count:.0f}")
    yield Row(f"CPU a packet, {name}", "stated", f"{cpu / count * 1e6:.0f} µs")
    yield Row(f"memory that it takes, {name}", "stated", f"{(_resident() - rss) / 1e6:.1f} MB")


def _asking(folder: Path, mesh: Mesh, count: int) -> Iterator[Row]:
    remembering = Remembering(folder, mesh, days_ago=7)
    remembering.hear(mesh.packets(count), 7 * 86400 / count)
    remembering.memory.flush(last=True)
    size = sum(file.stat().st_size for file in folder.iterdir())
    yield Row(f"database of {count:,} packets", "stated", f"{size / 1e6:.0f} MB")
    for name, ask in _questions(remembering.memory, mesh).items():
        yield Row(f"{name} over {count:,} packets: p50, p99", "≤ 100 ms", _times(ask, 200))
    for name, query in _without_sums().items():
        yield Row(f"{name}, without the sums: p50, p99", "to compare", _times(_asker(remembering.database, query), 5))
    yield Row("memory of the process", "stated", f"{_resident() / 1e6:.0f} MB")
    remembering.database.close()


def _questions(memory: MeshMemory, mesh: Mesh) -> dict[str, Callable[[], object]]:
    nums = random.Random(2)
    return {
        "/stats global 168": lambda: memory.totals(168),
        "/stats top 24": lambda: memory.traffic(24, By.SENDER),
        "/stats top 168": lambda: memory.traffic(168, By.SENDER),
        "/stats packets 168": lambda: memory.traffic(168, By.PORT),
        "/stats channel 168": lambda: (memory.traffic(168, By.CHANNEL), memory.air(168)),
        "/stats hop 168": lambda: memory.traffic(168, By.HOPS),
        "/stats histo 168": lambda: memory.traffic(168, By.HOUR),
        "/nodes": lambda: memory.direct_nodes(3 * 86400),
        "/info <end of id>": lambda: memory.find_nodes(f"{nums.choice(mesh.nums) & 0xFFFF:04x}"),
        "/my 168": lambda: memory.signal_of(nums.choice(mesh.nums), 168),
        "/neighbors": lambda: memory.neighbours_of(nums.choice(mesh.nums)),
        "/neighbors, of all": lambda: memory.neighbours_of(None),
        "/propag 168": lambda: memory.longest_links(168, 10),
    }


def _without_sums() -> dict[str, str]:
    return {
        "/stats top 168": "SELECT sender, count(*), sum(size) FROM packets WHERE rx_time > 0 GROUP BY sender",
        "/stats packets 168": "SELECT portnum, count(*), sum(size) FROM packets WHERE rx_time > 0 GROUP BY portnum",
    }


def _asker(database: Database, query: str) -> Callable[[], object]:
    def ask() -> object:
        with database.reading(60) as connection:
            return connection.execute(text(query)).all()

    return ask


def _times(ask: Callable[[], object], count: int) -> str:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    p99 = statistics.quantiles(taken, n=100, method="inclusive")[98]
    return f"{statistics.median(taken):.1f} ms, {p99:.1f} ms"


def _written() -> int:
    """Return the bytes that this process has handed to write calls: what the card gets, but for its own pages."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


if __name__ == "__main__":
    for row in rows(*map(int, sys.argv[1:2])):
        print(f"{row.what:70} {row.target:12} {row.measured}", flush=True)
