"""What is said where Python lacks the bot's libraries."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Final

from meshbot.installation.language import language_of, translation
from meshbot.installation.language import mark as _
from meshbot.installation.layout import MODULES, PACKAGES

MISSING: Final = _("❌ {name} is missing: {python} is not the bot's environment, or it is incomplete")
CURE: Final = _("👉 make setup, then .venv/bin/python main_bot.py; the service: sudo make install")


def explain_missing_libraries() -> None:
    """Print two lines in place of the traceback of an import that finds no library; for the imports of the start."""
    previous = sys.excepthook

    def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        if not name or name in {*MODULES, *PACKAGES}:
            previous(kind, error, trace)
            return
        tr = translation(language_of(os.environ) or "en")
        print(tr(MISSING).format(name=name, python=sys.executable), file=sys.stderr)
        print(tr(CURE), file=sys.stderr)

    sys.excepthook = explain
