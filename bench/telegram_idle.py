"""The cost of an idle Telegram side: memory, requests, writes; beside a bot without one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import telegram_side
from bench.effort import Effort
from bench.inspection import PacketReader, bytes_written, look, settled
from bench.program import Contender, await_ready
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row
from meshbot.virtual_node import VirtualNode

SCALE = 30.0
NODES = 42
HOUR = 3600.0
# An hour: a poll every 30 s
REQUESTS_TARGET = 130.0
COMMITS_TARGET = 0  # more than without


@dataclass(frozen=True, slots=True)
class Idle:
    """One bot in that time."""

    megabytes: float
    requests: int
    commits: int
    written: int  # bytes, the log included
    cpu: float  # seconds


def _idle(hours: float, *, with_telegram: bool) -> Idle:
    clock = ScaledClock(SCALE)
    with (
        TemporaryDirectory(prefix="meshbot-bench-") as folder,
        VirtualNode(nodes=NODES, clock=clock) as node,
        telegram_side.bot_api(clock) as api,
    ):
        telegram_side.admin(api)
        values = telegram_side.settings(api, node.port, 1, Path(folder)) | telegram_side.UNHURRIED
        if not with_telegram:
            values = {name: value for name, value in values.items() if not name.startswith("telegram_")}
        with telegram_side.start(values, clock) as program:
            await_ready(program, Contender.BOT)
            if with_telegram:
                telegram_side.wait_for_poll(api, program)
            megabytes = settled(program.pid).megabytes
            with PacketReader(Path(folder)) as reader:
                commits, written = reader.commits, bytes_written(program.pid)
                requests, cpu = sum(api.counts.values()), look(program.pid).cpu
                telegram_side.pause(hours * HOUR / SCALE)
                return Idle(
                    megabytes,
                    sum(api.counts.values()) - requests,
                    reader.commits - commits,
                    bytes_written(program.pid) - written,
                    look(program.pid).cpu - cpu,
                )


def idle(effort: Effort) -> Measured:
    hours = effort.telegram_idle_hours
    with ThreadPoolExecutor(2) as threads:
        without, with_it = threads.map(lambda has: _idle(hours, with_telegram=has), (False, True))
    requests = with_it.requests / hours
    commits = (with_it.commits - without.commits) / hours
    rows = [
        Row(
            f"memory (RSS) with {NODES} nodes, Telegram polled",
            "stated",
            "–",
            f"{with_it.megabytes:.1f} MB, without {without.megabytes:.1f} MB",
        ),
        Row(
            "requests an hour to Telegram without messages",
            f"≤ {REQUESTS_TARGET:g}",
            "–",
            f"{requests:.0f}",
            requests <= REQUESTS_TARGET,
        ),
        Row(
            "… commits an hour more than without",
            f"{COMMITS_TARGET}",
            "–",
            f"{commits:.0f}; {with_it.written / hours:.0f} bytes written, without {without.written / hours:.0f}",
            commits <= COMMITS_TARGET,
        ),
        Row("… CPU", "stated", "–", f"{with_it.cpu / hours:.1f} s an hour, without {without.cpu / hours:.1f} s"),
    ]
    note = (
        f"idle Telegram: two processes side by side on clocks {SCALE:g} times as fast as the machine's, for "
        f"{hours:g} h of them, without traffic on the mesh; bytes: of write calls, the log included"
    )
    samples = {
        who: [each.megabytes, float(each.requests), float(each.commits), float(each.written), each.cpu]
        for who, each in (("with", with_it), ("without", without))
    }
    return Measured(rows, [note], {who: [*figures] for who, figures in samples.items()})
