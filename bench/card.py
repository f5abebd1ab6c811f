"""What a bot writes to its card, seen from outside its process."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Self

COUNTER = slice(8, 12)  # of SQLite's wal-index, "iChange": grows by one with each transaction
LATEST = "SELECT sender, packet_id FROM packets ORDER BY id DESC LIMIT 20"

Mark = tuple[int, int]  # a packet's sender and id


class Card:
    """The database in a bot's `data_dir` while the bot runs; ends with `with`, before the bot does.

    A reader that is still there would keep the bot's last connection from folding the log into the file.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "meshbot.db"
        self._reader = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)

    @property
    def commits(self) -> int:
        """Return how many transactions there were, but for a number that stays the same."""
        with Path(f"{self._path}-shm").open("rb") as index:
            return int.from_bytes(index.read(COUNTER.stop)[COUNTER], sys.byteorder)

    def latest(self) -> list[Mark]:
        """Return the packets stored last, the newest first."""
        return self._reader.execute(LATEST).fetchall()

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self._reader.close()


def stored_packets(data_dir: Path) -> list[Mark]:
    """Return all packets stored by a bot that has ended."""
    with closing(sqlite3.connect(data_dir / "meshbot.db")) as reader:
        return reader.execute("SELECT sender, packet_id FROM packets").fetchall()


def bytes_written(pid: int) -> int:
    """Return what a process has handed to write calls, its log included, sockets not."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])
