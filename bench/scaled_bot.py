"""The bot on a faster clock: `python -m bench.scaled_bot SCALE`, settings as for main_bot.py."""

from __future__ import annotations

import sys
from queue import SimpleQueue
from typing import Any

import config
from bench.scaled_clock import ScaledClock
from main_bot import MeshBot
from runtime import journal
from runtime.service import catch_signals


def main(scale: float) -> int:
    """Run until a signal; return the exit code."""
    settings = config.load()
    journal.set_up(settings.log_level)
    requests: SimpleQueue[Any] = SimpleQueue()
    catch_signals(requests)
    return MeshBot(settings, ScaledClock(scale), requests).run()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
