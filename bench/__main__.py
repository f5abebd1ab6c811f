"""`python -m bench`: measure the bot beside the plain library and print one table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from bench import (
    answering,
    answers_kept,
    assistant,
    configuring,
    custody,
    flood,
    footprint,
    heavy_traffic,
    memory_rows,
    outages,
    page,
    telegram_answers,
    telegram_burst,
    telegram_idle,
    telegram_outage,
    writing,
    year,
)
from bench.effort import QUICK, Effort
from bench.table import UNMEASURED, Measured, Row, render


@dataclass(frozen=True, slots=True)
class Measure:
    """One group of rows. Those that mostly wait run side by side, the others one after the other in quiet."""

    name: str
    take: Callable[[Effort], Measured]
    waits: bool = False


MEASURES = (
    Measure("closed", outages.closed_connections, waits=True),
    Measure("away", outages.absent_node, waits=True),
    Measure("flapping", outages.flapping_link, waits=True),
    Measure("silence", outages.silent_link, waits=True),
    Measure("quiet", outages.quiet_mesh, waits=True),
    Measure("slow", outages.slow_nodes, waits=True),
    Measure("configuration", configuring.configuration),
    Measure("answer", answering.own_time),
    Measure("answer-unscaled", answering.own_time_unscaled, waits=True),
    Measure("memory", footprint.memory),
    Measure("imports", footprint.imports),
    Measure("reconnections", footprint.reconnections),
    Measure("traffic", heavy_traffic.heavy_traffic, waits=True),
    Measure("page", page.page),
    Measure("writing", writing.writing, waits=True),
    Measure("flood", flood.flood, waits=True),
    Measure("assistant", assistant.held_calls),
    Measure("faults", answers_kept.kept_answers),
    Measure("custody", custody.delivered_messages, waits=True),
    Measure("year", year.year_of_life),
    Measure("questions", memory_rows.questions),
    Measure("telegram", telegram_answers.answers),
    Measure("telegram_burst", telegram_burst.bursts),
    Measure("telegram_outage", telegram_outage.outages),
    Measure("telegram_idle", telegram_idle.idle, waits=True),
)

NAMES = [measure.name for measure in MEASURES]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if every chosen row could be measured, whatever its verdict."""
    options = _parser().parse_args(arguments)
    chosen = [measure for measure in MEASURES if measure.name in (options.names or NAMES)]
    started, described = time.monotonic(), _machine()
    taken = _take_all(chosen, QUICK if options.quick else Effort())
    rows = [row for measured in taken for row in measured.rows]
    print(render(rows))
    print()
    for note in dict.fromkeys(note for measured in taken for note in measured.notes):
        print(f"- {note}")
    print(f"- {described}; {time.monotonic() - started:.0f} s in all")
    if options.json is not None:
        report = {measure.name: asdict(measured) for measure, measured in zip(chosen, taken, strict=True)}
        report_text = json.dumps({"machine": described, "measures": report}, ensure_ascii=False, indent=1)
        options.json.write_text(report_text + "\n", encoding="utf-8")
    return int(any(UNMEASURED in (row.stock, row.bot) for row in rows))


def _machine() -> str:
    """Return processor, cores, system, Python, library and load on one line."""
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, meshtastic {version('meshtastic')}, load {load:.1f} at the start"
    )


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _take_all(chosen: Sequence[Measure], effort: Effort) -> list[Measured]:
    """Return the result of each, in the order of `chosen`."""
    taken: dict[str, Measured] = {}
    with ThreadPoolExecutor() as threads:
        waiting: dict[str, Future[Measured]] = {
            measure.name: threads.submit(_take, measure, effort) for measure in chosen if measure.waits
        }
        taken |= {name: future.result() for name, future in waiting.items()}
    taken |= {measure.name: _take(measure, effort) for measure in chosen if not measure.waits}
    return [taken[measure.name] for measure in chosen]


def _take(measure: Measure, effort: Effort) -> Measured:
    print(f"… {measure.name}", file=sys.stderr, flush=True)
    try:
        return measure.take(effort)
    except Exception as error:  # noqa: BLE001 - whatever kept a row from being measured is reported in its place
        reason = f"{type(error).__name__}: {error}".splitlines()
        return Measured(
            [Row(measure.name, "–", UNMEASURED, UNMEASURED)],
            [f"{measure.name} could not be measured: {' '.join(reason)}"],
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the bot beside the plain library.")
    parser.add_argument("names", nargs="*", type=_name, metavar="NAME", help=f"rows, all if none: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="few samples: shows that the bench works, no more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save every figure")
    return parser


def _name(text: str) -> str:
    if text not in NAMES:
        raise argparse.ArgumentTypeError(f"no rows are called {text}: there are {', '.join(NAMES)}")
    return text


if __name__ == "__main__":
    sys.exit(main())
