"""Waiting for an event that a log line or a state tells; bounded, and woken by it."""

from __future__ import annotations

import logging
import re
import threading
from typing import Self

PATIENCE = 30.0  # real seconds: only a failure waits so long


class LogWatch(logging.Handler):
    """Collects log lines; `wait_for` returns as soon as one matches."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        with self._changed:
            self.lines.append(record.getMessage())
            self._changed.notify_all()

    def wait_for(self, pattern: str, count: int = 1, timeout: float = PATIENCE) -> str:
        """Return the `count`-th line that matches, waiting for it."""
        with self._changed:
            ok = self._changed.wait_for(lambda: len(self.matching(pattern)) >= count, timeout)
            assert ok, f"{count} × {pattern!r} did not come in:\n" + "\n".join(self.lines)
            return self.matching(pattern)[count - 1]

    def matching(self, pattern: str) -> list[str]:
        """Return the lines so far that match."""
        return [line for line in self.lines if re.search(pattern, line)]

    def __enter__(self) -> Self:
        """Watch the root logger."""
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        logging.getLogger().removeHandler(self)
