"""On what the figures were taken."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path


def description() -> str:
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
