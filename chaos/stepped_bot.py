"""`python -m chaos.stepped_bot FILE [ARGUMENT...]`: main_bot.py on a wall clock that is off by the seconds in FILE."""

from __future__ import annotations

import runpy
import sys
from datetime import datetime, timedelta
from pathlib import Path

from meshbot.runtime import SystemClock

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the program under its own name; it exits by itself."""
    offset = Path(sys.argv[1])
    true_now = SystemClock.now

    def now(self: SystemClock) -> datetime:
        return true_now(self) + timedelta(seconds=float(offset.read_text(encoding="ascii")))

    # the machine's own clock is not ours to step
    SystemClock.now = now  # type: ignore[method-assign]
    program = str(ROOT / "main_bot.py")
    sys.argv = [program, *sys.argv[2:]]
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
