"""Ctrl-C before the program listens to signals: an end without a traceback."""

from __future__ import annotations

import sys
from types import TracebackType

_previous = sys.excepthook


def _print_unless_interrupted(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _previous(kind, error, traceback)


def end_quietly() -> None:
    """Print no traceback for a KeyboardInterrupt that ends the process, which a shell then sees as 130."""
    sys.excepthook = _print_unless_interrupted
