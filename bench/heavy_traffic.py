"""`python -m bench.heavy_traffic`: a busy mesh, in real time, on the whole bot as a process with its database on disk.

Users of a virtual node broadcast at a given rate, and one of them asks /ping now and then. What the bot has stored is
read from its database: while it runs, after each commit, and whole at the end.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, median
from tempfile import TemporaryDirectory

from bench.effort import Effort
from bench.inspection import Mark, PacketReader, bytes_written, look, settled, stored_packets
from bench.mesh_traffic import MeshTraffic
from bench.program import Contender, Program, await_ready, launch
from bench.table import Measured, Row, percentile, render
from meshbot.runtime import SystemClock
from meshbot.virtual_node import VirtualNode, sender_of

CLOCK = SystemClock()
RATE = 50  # packets a second
NODES = 5_000
TURN = 0.01  # seconds
LOOK_EVERY = 1.0  # seconds
# Seconds: the bot's sender is idle again after 2.2
ASK_EVERY = 3.0
WARM_UP_RATE = 250  # packets a second until each node has sent each kind once, and the last packets' list is full
LAST_ANSWER = 30.0  # seconds
SETTLE = {"tcp_pubkey_sync_delay": 0}  # before the traffic, not in it

BACKLOG_TARGET = 1.0  # seconds from a packet to the commit that ends with it
WAIT_TARGET = 30.0  # seconds that a packet may wait for its commit: at this rate a batch is full before
GROWTH_TARGET = 2.0  # MB
COMMITS_TARGET = 1.0  # a second
ANSWER_TARGET = 20.0  # ms


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of packets."""

    lag: float  # seconds since its newest packet reached the node
    wait: float  # seconds since its oldest packet did
    waiting: int  # packets that were not stored before it


@dataclass(frozen=True, slots=True)
class Look:
    """The process at one moment."""

    at: float  # seconds since the first packet
    megabytes: float
    cpu: float  # seconds since the process began
    written: int  # bytes
    commits: int


@dataclass(slots=True)
class Traffic:
    """All that was measured."""

    rate: int
    sent: dict[Mark, tuple[int, float]] = field(default_factory=dict)  # packets heard by the node: which and when
    commits: list[Commit] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    questions: int = 0
    answers: list[float] = field(default_factory=list)  # ms
    stored: int = 0  # of those sent
    log_bytes: int = 0

    @property
    def seconds(self) -> float:
        """Return for how long it was watched."""
        return self.looks[-1].at - self.looks[0].at

    @property
    def cpu(self) -> float:
        """Return the CPU seconds of the process."""
        return self.looks[-1].cpu - self.looks[0].cpu

    @property
    def commit_rate(self) -> float:
        """Return all commits a second, those of packets and others."""
        return (self.looks[-1].commits - self.looks[0].commits) / self.seconds

    @property
    def bytes_a_packet(self) -> float:
        """Return what the database wrote, by packets sent."""
        return (self.looks[-1].written - self.looks[0].written - self.log_bytes) / len(self.sent)

    @property
    def megabytes(self) -> tuple[float, float]:
        """Return the resident memory in the first and in the last tenth of the time, as medians."""
        tenth = max(1, len(self.looks) // 10)
        first, last = (median(each.megabytes for each in part) for part in (self.looks[:tenth], self.looks[-tenth:]))
        return first, last

    @property
    def slope(self) -> float:
        """Return the growth in the second half as a straight line, in MB an hour."""
        half = self.looks[len(self.looks) // 2 :]
        return linear_regression([each.at for each in half], [each.megabytes for each in half]).slope * 3600


class Mesh:
    """Sends to one bot for a while, and watches it; used once."""

    def __init__(self, node: VirtualNode, program: Program, reader: PacketReader, traffic: Traffic) -> None:
        self._node = node
        self._program = program
        self._reader = reader
        self._traffic = traffic
        self._background = MeshTraffic(node.users)
        self._began = 0.0
        self._asked: dict[int, float] = {}
        self._sent_at: list[float] = []
        self._stored = 0  # packets, as of the last commit
        self._commits = reader.commits

    def warm_up(self) -> None:
        """Let each node be heard once, faster than in the measurement."""
        began, pause = CLOCK.monotonic(), threading.Event()
        for number, packet in enumerate(self._background.round()):
            self._node.hear(packet)
            pause.wait(max(0.0, began + number / WARM_UP_RATE - CLOCK.monotonic()))

    def run(self, seconds: float) -> None:
        """Return when the time is over and the last question answered; TimeoutError if it is not."""
        logged = sum(map(_size, self._program.lines))
        self._began, pause = CLOCK.monotonic(), threading.Event()
        while (elapsed := CLOCK.monotonic() - self._began) < seconds:
            self._speak(elapsed)
            self._note_commit()
            if elapsed >= len(self._traffic.looks) * LOOK_EVERY:
                self._look(elapsed)
            pause.wait(TURN)
        self._look(seconds)
        self._traffic.log_bytes = sum(map(_size, self._program.lines)) - logged
        self._collect_answers()

    def _speak(self, elapsed: float) -> None:
        while len(self._sent_at) < elapsed * self._traffic.rate:
            packet = self._background.packet()
            now = CLOCK.monotonic()
            self._traffic.sent[sender_of(packet), packet.id] = len(self._sent_at), now
            self._sent_at.append(now)
            self._node.hear(packet)
        if elapsed >= (len(self._asked) + 0.5) * ASK_EVERY:
            user = self._node.users[len(self._asked) % len(self._node.users)]
            now = CLOCK.monotonic()
            self._asked[self._node.hear_text(user.num, "/ping")] = now

    def _note_commit(self) -> None:
        commits = self._reader.commits
        if commits == self._commits:
            return
        self._commits, now = commits, CLOCK.monotonic()
        known = [self._traffic.sent[mark] for mark in self._reader.latest() if mark in self._traffic.sent]
        newest = known[0][0] if known else -1
        if newest >= self._stored:
            waits = now - self._sent_at[newest], now - self._sent_at[self._stored]
            self._traffic.commits.append(Commit(*waits, len(self._sent_at) - self._stored))
            self._stored = newest + 1

    def _look(self, elapsed: float) -> None:
        pid = self._program.pid
        state = look(pid)
        now = Look(elapsed, state.megabytes, state.cpu, bytes_written(pid), self._reader.commits)
        self._traffic.looks.append(now)

    def _collect_answers(self) -> None:
        def answers() -> dict[int, float]:
            came: dict[int, float] = {}
            for each in self._node.received.packets:
                if each.packet.decoded.reply_id in self._asked:
                    came.setdefault(each.packet.decoded.reply_id, each.at)
            return came

        self._node.wait_until(lambda: len(answers()) == len(self._asked), LAST_ANSWER)
        self._traffic.questions = len(self._asked)
        self._traffic.answers = [(at - self._asked[question]) * 1000 for question, at in answers().items()]


def traffic_of(seconds: float, rate: int = RATE, nodes: int = NODES) -> Traffic:
    """Measure for so long in real time."""
    traffic = Traffic(rate)
    with (
        TemporaryDirectory(prefix="meshbot-bench-") as folder,
        VirtualNode(nodes=nodes, keys=nodes - 1, region="US") as node,
    ):
        data_dir = Path(folder)
        with launch(Contender.BOT, node.port, data_dir=data_dir, **SETTLE) as program:
            await_ready(program, Contender.BOT)
            settled(program.pid)
            with PacketReader(data_dir) as reader:
                mesh = Mesh(node, program, reader, traffic)
                mesh.warm_up()
                mesh.run(seconds)
        traffic.stored = len(traffic.sent.keys() & set(stored_packets(data_dir)))
    return traffic


def _size(line: str) -> int:
    return len(line.encode()) + 1


def rows(traffic: Traffic, nodes: int) -> list[Row]:
    """Return the table's lines."""
    return [*_backlog(traffic, nodes), *_costs(traffic)]


def _backlog(traffic: Traffic, nodes: int) -> list[Row]:
    what = f"{traffic.rate} packets/s from {nodes:,} nodes for {traffic.seconds / 60:.3g} min"
    sent, stored = len(traffic.sent), traffic.stored
    lags = [each.lag for each in traffic.commits]
    worst = max(traffic.commits, key=lambda each: each.wait)
    return [
        _row(f"{what}: in the database", "all", f"{stored:,} of {sent:,}", passed=stored == sent),
        _row(
            "… backlog: age of the newest packet of each commit",
            f"≤ {BACKLOG_TARGET:g} s",
            f"median {median(lags) * 1000:.0f} ms, worst {max(lags) * 1000:.0f} ms, last {lags[-1] * 1000:.0f} ms",
            passed=max(lags) <= BACKLOG_TARGET,
        ),
        _row(
            "… longest wait of a packet for its commit",
            f"≤ {WAIT_TARGET:g} s",
            f"{worst.wait:.1f} s, {worst.waiting} packets",
            passed=worst.wait <= WAIT_TARGET,
        ),
    ]


def _costs(traffic: Traffic) -> list[Row]:
    p50, p99 = (percentile(traffic.answers, percent) for percent in (50, 99))
    first, last = traffic.megabytes
    cpu = traffic.cpu / traffic.seconds
    return [
        _row(
            "… memory (RSS) growth, each node heard before",
            f"≤ {GROWTH_TARGET:g} MB",
            f"{last - first:+.2f} MB to {last:.1f} MB; second half {traffic.slope:+.1f} MB/h",
            passed=last - first <= GROWTH_TARGET,
        ),
        _row(
            "… CPU",
            "stated",
            f"{cpu * 60:.1f} s a minute, {cpu:.1%} of a core, {traffic.cpu / len(traffic.sent) * 1000:.2f} ms a packet",
        ),
        _row(
            "… commits a second",
            f"≤ {COMMITS_TARGET:g}",
            f"{traffic.commit_rate:.2f}",
            passed=traffic.commit_rate <= COMMITS_TARGET,
        ),
        _row("… bytes written a packet", "stated", f"{traffic.bytes_a_packet:.0f}"),
        _row(
            "… /ping meanwhile: p50, p99",
            f"≤ {ANSWER_TARGET:g} ms",
            f"{p50:.1f} ms, {p99:.1f} ms; {len(traffic.answers)} of {traffic.questions}",
            passed=p99 <= ANSWER_TARGET,
        ),
    ]


def _row(what: str, target: str, bot: str, *, passed: bool | None = None) -> Row:
    return Row(what, target, "–", bot, passed)


def heavy_traffic(effort: Effort) -> Measured:
    traffic = traffic_of(effort.traffic_minutes * 60, nodes=effort.traffic_nodes)
    note = (
        f"heavy traffic: real time, main_bot.py with its database on disk; /ping every {ASK_EVERY:g} s, its time from "
        "the node's having it to the node's having the answer; before it each node is heard once with each kind, "
        f"{WARM_UP_RATE} packets/s; bytes: of write calls, the log left out"
    )
    samples = {
        "MB": [each.megabytes for each in traffic.looks],
        "CPU s": [each.cpu for each in traffic.looks],
        "commit lag s": [each.lag for each in traffic.commits],
        "commit wait s": [each.wait for each in traffic.commits],
        "ping ms": [*traffic.answers],
    }
    return Measured(rows(traffic, effort.traffic_nodes), [note], {name: [*taken] for name, taken in samples.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.heavy_traffic", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=RATE, help="packets a second")
    parser.add_argument("--nodes", type=int, default=NODES)
    options = parser.parse_args(arguments)
    traffic = traffic_of(options.minutes * 60, options.rate, options.nodes)
    print(render(rows(traffic, options.nodes)))
    tenth = max(1, len(traffic.looks) // 20)
    for each in traffic.looks[::tenth]:
        print(f"{each.at:6.0f} s {each.megabytes:7.2f} MB {each.cpu:7.2f} s CPU {each.commits:5} commits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
