"""Those who follow the log: while there is one, the log's lines come to the thread Control too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from meshbot.runtime import log


class Reader(Protocol):
    """Who reads lines."""

    def log(self, body: Mapping[str, Any]) -> None:
        """Take a line as an answer."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A record as the journal has it: formatted, escaped, without secrets."""

    level: str
    at: float  # Unix seconds
    text: str


class LogFollower(logging.Handler):
    """A handler of the root logger, there only while somebody follows."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(log.LineFormatter(journald=False, tracebacks=False))
        self._offer: Callable[[object], bool] = bool
        self._readers: list[Reader] = []

    def connect(self, offer: Callable[[object], bool]) -> None:
        """Take the inbox that lines go into; a full one drops them."""
        self._offer = offer

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record, on any thread; never waits."""
        try:
            text = self.format(record)
        # the log itself reports a call with wrong arguments
        except Exception:  # noqa: BLE001 - as there
            return
        self._offer(LogLine(record.levelname, record.created, text))

    def add(self, reader: Reader) -> None:
        """Let somebody follow from now on."""
        self._readers.append(reader)
        # the level of what is logged, whatever that is
        logging.getLogger().addHandler(self)

    def remove(self, reader: Reader) -> None:
        """Let him go."""
        self._readers = [each for each in self._readers if each is not reader]
        if not self._readers:
            self.stop()

    def stop(self) -> None:
        """Leave the log."""
        logging.getLogger().removeHandler(self)

    def take(self, line: LogLine) -> None:
        """Pass a line on."""
        for reader in self._readers:
            reader.log({"ok": True, "more": True, "level": line.level, "at": round(line.at, 3), "text": line.text})
