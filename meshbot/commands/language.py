"""The language of the answers: gettext catalogs in locale/, English in the code."""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from pathlib import Path

LOCALE_DIR = Path(__file__).resolve().parent.parent / "locale"


@dataclass(frozen=True, slots=True)
class Translate:
    """Translates texts into one language."""

    catalog: gettext.NullTranslations

    def __call__(self, message: str) -> str:
        """Return a text that was marked."""
        return self.catalog.gettext(message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the singular or plural text for a count; the call marks both for the catalogs."""
        return self.catalog.ngettext(one, many, count)


def mark(message: str) -> str:
    """Mark a text for the catalogs where it is defined; it is translated where it is used."""
    return message


def translator(language: str) -> Translate:
    """Return the translations into `language` ("fr", "en"); English needs no catalog."""
    return Translate(gettext.translation("meshbot", LOCALE_DIR, [language], fallback=language == "en"))
