"""The bot on a faster clock: `python -m bench.scaled_bot SCALE [EPOCH] [--disk-fills]`, settings as for main_bot.py.

EPOCH: see ScaledClock; processes that get the same one agree on the time of day. With --disk-fills the disk is nearly
full every other hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from typing import Any, NamedTuple
from unittest import mock

import config
from bench.scaled_clock import ScaledClock, speed_up
from main_bot import MeshBot
from meshbot.runtime import catch_signals, log

DISK_FILLS = "--disk-fills"
HOUR = 3600.0  # seconds of the scaled clock
TOTAL = 32 * 10**9  # bytes
FREE = {"little": 10**9, "enough": 20 * 10**9}


class Usage(NamedTuple):
    """The return value of shutil.disk_usage."""

    total: int
    used: int
    free: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaled_bot", description=__doc__)
    parser.add_argument("scale", type=float)
    parser.add_argument("epoch", type=float, nargs="?")
    parser.add_argument(DISK_FILLS, action="store_true")
    options = parser.parse_args(arguments)
    clock = ScaledClock(options.scale, options.epoch)
    settings = config.load()
    log.set_up(settings.log_level)
    speed_up(options.scale)
    requests: SimpleQueue[Any] = SimpleQueue()
    catch_signals(requests)
    disk: AbstractContextManager[Any] = nullcontext()
    if options.disk_fills:
        disk = mock.patch("shutil.disk_usage", _filling_disk(clock))
    with disk:
        return MeshBot(settings, clock, requests).run()


def _filling_disk(clock: ScaledClock) -> Callable[[object], Usage]:
    """Return a shutil.disk_usage that reports little space every other hour of the clock."""
    began = clock.monotonic()

    def usage(_path: object) -> Usage:
        is_low = int((clock.monotonic() - began) / HOUR) % 2
        free = FREE["little" if is_low else "enough"]
        return Usage(TOTAL, TOTAL - free, free)

    return usage


if __name__ == "__main__":
    sys.exit(main())
