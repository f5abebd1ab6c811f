"""`python -m bench.imports`: the memory of a fresh process after each step of the bot's imports, one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path


def memory(pid: int | str = "self") -> tuple[float, float]:
    """Return a process's RSS and PSS in MB; PSS shares what several processes hold between them."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    lines = dict(line.split(":", 1) for line in text.splitlines()[1:])
    rss, pss = (int(lines[name].split()[0]) * 1024 / 1e6 for name in ("Rss", "Pss"))
    return rss, pss


def steps() -> Iterator[str]:
    """Import what the bot does, a step at a time; what two of them need counts with the first."""
    yield "Python itself, json, pathlib"
    import argparse  # noqa: F401, PLC0415 - importing is the measure, here and below
    import logging.handlers  # noqa: F401, PLC0415

    yield "argparse, logging"
    import asyncio  # noqa: F401, PLC0415
    import hashlib  # noqa: F401, PLC0415
    import ssl  # noqa: F401, PLC0415

    yield "asyncio, ssl, hashlib (OpenSSL): SQLAlchemy imports them"
    from pydantic import BaseModel, SecretStr  # noqa: F401, PLC0415

    yield "pydantic"
    import config  # noqa: F401, PLC0415

    yield "config.py: 70 settings, and pydantic's schemas for them"
    import sqlite3  # noqa: F401, PLC0415

    yield "sqlite3"
    import sqlalchemy  # noqa: PLC0415

    yield "SQLAlchemy"
    import sqlalchemy.dialects.sqlite  # noqa: F401, PLC0415

    yield "SQLAlchemy's dialect for SQLite"
    import google.protobuf.json_format  # noqa: F401, PLC0415

    yield "protobuf"
    import meshbot.mesh_link  # noqa: F401, PLC0415 - not meshtastic directly: what it never uses is deferred there

    yield "meshtastic, and mesh_link around it"
    import main_bot  # noqa: F401, PLC0415

    yield "the bot's other modules"


if __name__ == "__main__":
    for step in steps():
        print(json.dumps([step, *memory()]), flush=True)
