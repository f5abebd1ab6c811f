"""`python -m bench.outage_bot SCALE EPOCH`: bench.scaled_bot on a disk that is nearly full every other hour."""

from __future__ import annotations

import sys
from typing import NamedTuple
from unittest import mock

from bench import scaled_bot
from bench.scaled_clock import ScaledClock

HOUR = 3600.0  # seconds of the scaled clock
TOTAL = 32 * 10**9  # bytes
FREE = {"little": 10**9, "enough": 20 * 10**9}


class Usage(NamedTuple):
    """What shutil.disk_usage returns."""

    total: int
    used: int
    free: int


def main(scale: float, epoch: float) -> int:
    """Run until a signal; return the exit code."""
    clock = ScaledClock(scale, epoch)
    began = clock.monotonic()

    def usage(_path: object) -> Usage:
        is_low = int((clock.monotonic() - began) / HOUR) % 2
        free = FREE["little" if is_low else "enough"]
        return Usage(TOTAL, TOTAL - free, free)

    with mock.patch("shutil.disk_usage", usage):
        return scaled_bot.main(scale, epoch)


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
