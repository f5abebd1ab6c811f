"""A database file whose opening hangs, as on a disk that stalls, until it is let go."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from meshbot.storage.sqlite import FILE_NAME


class HangingFile:
    """Needs a database that was closed: SQLite looks for a journal beside it, and finds a pipe that nobody writes."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / f"{FILE_NAME}-journal"
        self._pipe = folder / "pipe"
        os.mkfifo(self._pipe)
        os.link(self._pipe, self._journal)

    def let_go(self) -> None:
        """Let whoever hangs go on, and nobody hang any more."""
        self._journal.unlink(missing_ok=True)
        # where nobody waits there is nobody to write to
        with suppress(OSError):
            os.close(os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK))
