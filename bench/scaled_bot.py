"""The bot on a faster clock: `python -m bench.scaled_bot SCALE [EPOCH]`, settings as for main_bot.py.

EPOCH, see ScaledClock, for those who are to agree with others on the time of day.
"""

from __future__ import annotations

import sys
from queue import SimpleQueue
from typing import Any

import config
from bench.scaled_clock import ScaledClock
from bench.scaled_loop import speed_up
from main_bot import MeshBot
from meshbot.runtime import catch_signals, log


def main(scale: float, epoch: float | None = None) -> int:
    """Run until a signal; return the exit code."""
    settings = config.load()
    log.set_up(settings.log_level)
    speed_up(scale)
    requests: SimpleQueue[Any] = SimpleQueue()
    catch_signals(requests)
    return MeshBot(settings, ScaledClock(scale, epoch), requests).run()


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
