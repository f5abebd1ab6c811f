"""What the bot writes while all is well: to the disk and to the log, on a quiet mesh and on a busy one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from bench.effort import Effort
from bench.inspection import PacketReader, bytes_written
from bench.mesh_traffic import BUSY, MeshTraffic
from bench.program import Contender, await_ready, launch
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row
from meshbot.virtual_node import VirtualNode

HOUR: Final = 3600.0
QUIET_NODES, BUSY_NODES = 20, 500
# Of each node an hour by the firmware's defaults: telemetry each 30 min, a position each 15, its name each 3 h; and
# what people add: two texts a day
DEFAULTS: Final = (2.0, 4.0, 1 / 3, 0.0, 2 / 24)
# Of all nodes together
COMMANDS_AN_HOUR: Final = 1.0
BUSY_RATE: Final = 20.0  # packets a second
BUSY_SCALE: Final = 6.0
QUIET_SCALE: Final = 60.0
# Seconds of the clock: what a start writes is not what an hour does
SETTLING: Final = 300.0
QUIET_TARGET, BUSY_TARGET = 1.0, 20.0  # MB an hour
LINES_TARGET: Final = 1.0  # a minute


@dataclass(frozen=True, slots=True)
class Written:
    """One stretch of time."""

    hours: float
    packets: int
    size: int  # bytes, the log left out
    commits: int
    lines: tuple[str, ...]

    @property
    def megabytes_an_hour(self) -> float:
        """Return what the disk gets."""
        return self.size / 1e6 / self.hours

    @property
    def lines_a_minute(self) -> float:
        """Return what the log gets."""
        return len(self.lines) / self.hours / 60


def _written(nodes: int, rate: float, weights: tuple[float, ...], scale: float, hours: float) -> Written:
    """Have nodes broadcast `rate` packets a second of a clock `scale` times as fast as the machine's."""
    clock = ScaledClock(scale)
    with (
        TemporaryDirectory(prefix="meshbot-bench-") as folder,
        VirtualNode(nodes=nodes + 1, keys=nodes, region="US", clock=clock) as node,
        launch(Contender.BOT, node.port, scale, data_dir=folder) as program,
    ):
        await_ready(program, Contender.BOT)
        mesh = _Mesh(node, rate, weights, clock)
        mesh.run(SETTLING)
        with PacketReader(Path(folder)) as reader:
            began, lines = clock.monotonic(), len(program.lines)
            commits, size = reader.commits, bytes_written(program.pid)
            packets = mesh.run(hours * HOUR)
            new = tuple(program.lines[lines:])
            logged = sum(len(line.encode()) + 1 for line in new)
            lasted = (clock.monotonic() - began) / HOUR
            return Written(lasted, packets, bytes_written(program.pid) - size - logged, reader.commits - commits, new)


class _Mesh:
    """Packets at random moments, and now and then a command."""

    def __init__(self, node: VirtualNode, rate: float, weights: tuple[float, ...], clock: ScaledClock) -> None:
        self._node, self._rate, self._clock = node, rate, clock
        self._traffic = MeshTraffic(node.users, weights=weights)
        self._rng = Random(1)

    def run(self, seconds: float) -> int:
        """Return how many packets were heard, once the time is over."""
        end, pause = self._clock.monotonic() + seconds, threading.Event()
        packet_at = command_at = self._clock.monotonic()
        for heard in count():
            if packet_at > end:
                return heard
            pause.wait(max(0.0, packet_at - self._clock.monotonic()) / self._clock.scale)
            self._node.hear(self._traffic.packet())
            packet_at += self._rng.expovariate(self._rate)
            if packet_at > command_at:
                command_at += self._rng.expovariate(COMMANDS_AN_HOUR / HOUR)
                self._node.hear_text(self._rng.choice(self._node.users).num, self._rng.choice(("/ping", "/nodes")))
        return 0


def writing(effort: Effort) -> Measured:
    hours, busy_hours = effort.quiet_hours, effort.busy_hours
    with ThreadPoolExecutor(2) as threads:
        slowly = threads.submit(_written, QUIET_NODES, QUIET_NODES * sum(DEFAULTS) / HOUR, DEFAULTS, QUIET_SCALE, hours)
        quickly = threads.submit(_written, BUSY_NODES, BUSY_RATE, BUSY, BUSY_SCALE, busy_hours)
    quiet, busy = slowly.result(), quickly.result()
    rows = [
        _row(f"a quiet mesh, {QUIET_NODES} nodes, {hours:g} h: MB written an hour", QUIET_TARGET, quiet),
        Row(
            "… lines of the log a minute",
            f"≤ {LINES_TARGET:g}",
            "–",
            f"{quiet.lines_a_minute:.2f}, {len(quiet.lines)} in all",
            quiet.lines_a_minute <= LINES_TARGET,
        ),
        _row(
            f"{BUSY_RATE:g} packets/s from {BUSY_NODES} nodes, {busy_hours:g} h: MB written an hour", BUSY_TARGET, busy
        ),
    ]
    note = (
        f"writing: a process on a clock {QUIET_SCALE:g} and {BUSY_SCALE:g} times as fast as the machine's, after "
        f"{SETTLING:g} s of it; bytes of write calls by /proc/PID/io, the log left out; the quiet mesh's nodes send as "
        "often as the firmware does by default, two texts a day each, and one command an hour in all"
    )
    samples = {
        name: [each.hours, float(each.packets), float(each.size), float(each.commits), float(len(each.lines))]
        for name, each in (("quiet", quiet), ("busy", busy))
    }
    return Measured(rows, [note], {name: [*figures] for name, figures in samples.items()})


def _row(what: str, target: float, taken: Written) -> Row:
    shown = (
        f"{taken.megabytes_an_hour:.2f}; {taken.commits / taken.hours:.0f} commits an hour, "
        f"{taken.size / max(1, taken.packets):.0f} bytes a packet"
    )
    return Row(what, f"≤ {target:g} MB", "–", shown, taken.megabytes_an_hour <= target)
