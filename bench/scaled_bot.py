"""The bot on a faster clock: `python -m bench.scaled_bot SCALE`, settings as for main_bot.py."""

from __future__ import annotations

import sys

import config
from bench.scaled_clock import ScaledClock
from main_bot import MeshBot
from runtime import journal


def main(scale: float) -> int:
    """Run until a signal; return the exit code."""
    settings = config.load()
    journal.set_up(settings.log_level)
    bot = MeshBot(settings, ScaledClock(scale))
    bot.supervisor.catch_signals()
    return bot.run()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
