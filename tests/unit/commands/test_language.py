"""Texts with a count, in each language's own plural."""

import re

import pytest

from meshbot.commands.formatting import too_long
from meshbot.commands.language import LOCALE_DIR, translator


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["Too long by 1 byte.", "Too long by 2 bytes."]),
        ("fr", ["Trop long de 1 octet.", "Trop long de 2 octets."]),
    ],
)
def test_one_and_several_have_their_own_text(language, texts):
    assert [too_long(count, translator(language)) for count in (1, 2)] == texts


def test_french_has_zero_in_the_singular():
    text = translator("fr").ngettext("{count} thread", "{count} threads", 0)
    assert text.format(count=0) == "0 thread"


def test_no_text_leaves_its_plural_to_the_reader():
    catalog = (LOCALE_DIR / "fr" / "LC_MESSAGES" / "meshbot.po").read_text(encoding="utf-8")
    assert re.findall(r"\w\((?:s|es|x)\)", catalog) == []
