"""`python -m meshbot.pictures`: JSON on stdin, a PNG on stdout, or one line on stderr."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path
from typing import Final

from meshbot.pictures.data import MOST_BYTES, BadDataError, Histogram, Picture, Signal, from_json

# The bot's own work goes first
NICENESS: Final = 15
MEMORY: Final = 160_000_000  # bytes of data
# Ends the process if the bot is gone
CPU_SECONDS: Final = 120
FAILED, BAD_DATA, MISSING = 1, 2, 3  # exit codes


def main() -> int:
    """Read, draw, write; return the exit code."""
    _limit_resources()
    try:
        picture = from_json(sys.stdin.buffer.read(MOST_BYTES + 1))
        sys.stdout.buffer.write(png_of(picture))
        sys.stdout.buffer.flush()
    except BadDataError as error:
        return _fail(f"nothing to draw: {error}", BAD_DATA)
    except ImportError as error:
        return _fail(f"pictures are not installed (`make setup`, or the package's extra `pictures`): {error}", MISSING)
    except MemoryError:
        return _fail(f"no memory left within {MEMORY // 1_000_000} MB", FAILED)
    except Exception as error:  # noqa: BLE001 - the bot gets this line alone
        return _fail(f"{type(error).__name__}: {error}", FAILED)
    return 0


def png_of(picture: Picture) -> bytes:
    """Return the picture; imports matplotlib, so for this process alone."""
    if isinstance(picture, Histogram):
        from meshbot.pictures.charts import histogram  # noqa: PLC0415 - after the data are known to be right

        return histogram(picture)
    if isinstance(picture, Signal):
        from meshbot.pictures.charts import signal  # noqa: PLC0415 - the same

        return signal(picture)
    from meshbot.pictures.node_map import node_map  # noqa: PLC0415 - the same

    return node_map(picture)


def _limit_resources() -> None:
    """Lower the priority, limit memory and CPU time, and be the first to be killed without memory."""
    # Where the system forbids it, the timeout still holds
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    for what, limit in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_CORE, 0)):
        # A lower limit is set already
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (limit, limit))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _fail(line: str, code: int) -> int:
    sys.stderr.write(" ".join(line.split())[:500] + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
