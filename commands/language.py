"""The language of the answers: gettext catalogs in locale/, English in the code."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from pathlib import Path

LOCALE_DIR = Path(__file__).resolve().parent.parent / "locale"
Translate = Callable[[str], str]


def mark(message: str) -> str:
    """Mark a text for the catalogs where it is defined; it is translated where it is used."""
    return message


def translator(language: str) -> Translate:
    """Return the function that translates into `language` ("fr", "en"); English needs no catalog."""
    return gettext.translation("meshbot", LOCALE_DIR, [language], fallback=language == "en").gettext
