"""`python -m bench.memory_rows`: the time of the commands that query a database of a million packets.

The packets are those of a week, heard on a clock that is moved; the questions are asked of the commands themselves.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, Self, TypeVar

import config
from assembly import mesh_commands
from bench.effort import Effort
from bench.table import Measured, Row, percentile, render
from meshbot.commands import UNKNOWN_RECEPTION, Registry, Request, parse, translator
from meshbot.mesh_link import (
    BROADCAST_NUM,
    DeviceMetrics,
    Neighbor,
    NeighborInfo,
    NodeRecord,
    PacketRecord,
    Payload,
    PositionPayload,
    RadioMetadata,
)
from meshbot.mesh_memory import MeshMemory
from meshbot.storage import NodeStore, open_database
from node_manager import NodeManager

T = TypeVar("T")
OWN = 1
NODES = 5_000
WEEK = 7 * 86_400  # seconds
# Packets a commit: the sums come out the same as from the smaller ones of a calm mesh, sooner
BATCH = 5_000
PORTS = {1: 20, 3: 25, 4: 15, 5: 5, 67: 25, 70: 3, 71: 2, None: 5}  # kinds of packets by frequency
TARGET = 100.0  # ms
WITH_TARGET = ("/stats", "/nodes", "/info")
QUESTIONS: Final[Mapping[str, Sequence[str]]] = {  # {} is the end of a node's id
    "/stats": (
        *("/stats global 168", "/stats top 24", "/stats top 168", "/stats packets 168"),
        *("/stats channel 168", "/stats hop 168", "/stats histo 168"),
    ),
    "/nodes": ("/nodes", "/nodes 9"),
    "/info": ("/info {}",),
    "/my": ("/my 168",),
    "/neighbors": ("/neighbors", "/neighbors {}"),
    "/propag": ("/propag 168",),
}


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
    """Nodes that send, most of them seldom."""

    def __init__(self, nodes: int, seed: int = 1) -> None:
        self._random = Random(seed)
        self.nums = [self._random.randrange(2, BROADCAST_NUM) for _ in range(nodes)]
        self._weights = [1 / (rank + 10) for rank in range(nodes)]

    def packets(self, count: int) -> Iterator[PacketRecord]:
        """Yield so many packets."""
        pick = self._random
        senders = pick.choices(self.nums, self._weights, k=count)
        ports = pick.choices(list(PORTS), list(PORTS.values()), k=count)
        for number, (sender, port) in enumerate(zip(senders, ports, strict=True), 1):
            hops = pick.choice((0, 0, 1, 1, 2, 3, None))
            reception = RadioMetadata(pick.uniform(-20, 10), pick.randrange(-125, -60), hops, 0, pick.random() < 0.05)
            channel = None if port is None else pick.choice((0, 0, 0, 1))
            payload = self._payload(port)
            yield PacketRecord(
                number, sender, BROADCAST_NUM, channel, port, pick.randrange(10, 200), 3, reception, payload
            )

    def _payload(self, port: int | None) -> Payload | None:
        pick = self._random
        if port == 3:
            return PositionPayload(48 + pick.random(), 2 + pick.random(), 100)
        if port == 67:
            return DeviceMetrics(80, 4.0, 12.0, 1.0)
        if port == 71:
            return NeighborInfo(tuple(Neighbor(num, -5.0) for num in pick.sample(self.nums, 6)))
        return None


class CommandHarness:
    """The commands over a week's packets; ends with `with`."""

    def __init__(self, folder: Path, packets: int) -> None:
        clock = MovedClock(datetime.now(UTC) - timedelta(seconds=WEEK))
        mesh = Mesh(NODES)
        self._database = open_database(folder, clock)
        manager = NodeManager(NodeStore(self._database), clock)
        records = [NodeRecord(num, f"Node {num:x}", f"{num & 0xFFFF:x}") for num in mesh.nums]
        manager.learn_from_node_database([NodeRecord(OWN, latitude=48.5, longitude=2.5), *records])
        memory = MeshMemory(
            self._database,
            manager,
            clock,
            lambda: OWN,
            config.PACKET_RETENTION_DAYS,
            mail_ttl=config.MAIL_TTL,
        )
        for number, packet in enumerate(mesh.packets(packets), 1):
            clock.elapsed += WEEK / packets
            memory.record(packet)
            if not number % BATCH:
                memory.flush()
        memory.flush(last=True)
        self.megabytes = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        self._nums, self._random = mesh.nums, Random(2)
        self._registry = Registry(mesh_commands(memory, clock))
        self._request = Request("", "", OWN, UNKNOWN_RECEPTION, translator("fr"), tuple(self._registry))

    def ask(self, question: str) -> float:
        """Return the ms that the answer takes; RuntimeError if it is an error text."""
        node = self._random.choice(self._nums)
        name, argument = parse(question.format(f"{self._random.choice(self._nums) & 0xFFFF:04x}")) or ("", "")
        command = self._registry.find(name)
        if command is None:
            raise RuntimeError(f"no command /{name}")
        request = replace(self._request, command=name, argument=argument, node=node)
        began = time.perf_counter()
        answer = command.run(request)
        taken = (time.perf_counter() - began) * 1000
        if answer.startswith("⚠️"):
            raise RuntimeError(f"{question}: {answer}")
        return taken

    def __enter__(self) -> Self:
        """Filled already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self._database.close()


def questions(effort: Effort) -> Measured:
    with TemporaryDirectory(prefix="meshbot-bench-") as folder, CommandHarness(Path(folder), effort.packets) as harness:
        taken = {
            question: [harness.ask(question) for _ in range(effort.repetitions)]
            for forms in QUESTIONS.values()
            for question in forms
        }
        note = (
            f"questions: over a database of {harness.megabytes:.0f} MB, a week's packets of {NODES:,} nodes; each form "
            f"{effort.repetitions} times, from the parsed command to its answer's text; the slowest form is shown"
        )
    rows = [_row(name, effort.packets, {form: taken[form] for form in forms}) for name, forms in QUESTIONS.items()]
    return Measured(rows, [note], {f"{question} ms": [*samples] for question, samples in taken.items()})


def _row(name: str, packets: int, taken: Mapping[str, Sequence[float]]) -> Row:
    worst = max(taken, key=lambda question: percentile(taken[question], 99))
    p50, p99 = (percentile(taken[worst], percent) for percent in (50, 99))
    form = f" ({worst})" if len(taken) > 1 else ""
    what = f"{name} over {packets:,} stored packets: p99"
    has_target = name in WITH_TARGET
    return Row(
        what,
        f"≤ {TARGET:g} ms" if has_target else "stated",
        "–",
        f"{p99:.1f} ms, p50 {p50:.1f} ms{form}",
        p99 <= TARGET if has_target else None,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory_rows", description=__doc__)
    parser.add_argument("--packets", type=int, default=Effort().packets)
    options = parser.parse_args(arguments)
    print(render(questions(replace(Effort(), packets=options.packets)).rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
