"""Ctrl-C before the program listens to signals: an end without a traceback."""

from __future__ import annotations

import sys
from types import TracebackType

_told = sys.excepthook


def _tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _told(kind, error, traceback)


def end_quietly() -> None:
    """Say nothing of a KeyboardInterrupt that ends the process, which a shell then sees as 130."""
    sys.excepthook = _tell
