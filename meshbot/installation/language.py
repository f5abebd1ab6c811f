"""The person's language, and texts in it, before more than the standard library is there."""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("fr", "en")
# As gettext looks for the language of messages
VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
LOCALE_DIR: Final = Path(__file__).resolve().parents[1] / "locale"


def language_of(environ: Mapping[str, str]) -> str | None:
    """Return the language that the person has set, None for none or for another one."""
    for name in VARIABLES:
        if value := environ.get(name):
            language = value.split(":")[0][:2].lower()
            return language if language in LANGUAGES else None
    return None


def speak(language: str) -> None:
    """Have argparse speak the language too, as far as the catalogs go."""
    gettext.bindtextdomain("meshbot", str(LOCALE_DIR))
    gettext.textdomain("meshbot")
    os.environ["LANGUAGE"] = language


def translation(language: str) -> Callable[[str], str]:
    """Return what translates marked texts; English needs no catalog."""
    return gettext.translation("meshbot", LOCALE_DIR, [language], fallback=True).gettext


def mark(message: str) -> str:
    """Mark a text for the catalogs where it is defined; it is translated where it is said."""
    return message
