"""Names and texts of strangers among the lines of others."""

import pytest

from meshbot.telegram_bot.sanitize import clean_name, clean_text

FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e007f"
FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("bonjour", "bonjour"),
        ("  bonjour \n", "bonjour"),
        ("a\nb\r\nc", "a\n| b\n| c"),
        ("a\n\n \nb", "a\n| b"),
        ("hi\nZoé: I quit", "hi\n| Zoé: I quit"),
        ("hi\u2028Zoé: I quit", "hi\n| Zoé: I quit"),
        ("hi\x0bZoé: I quit\x85Bob: me too", "hi\n| Zoé: I quit\n| Bob: me too"),
        ("a\tb\x00\x07\x1b[31m", "a b[31m"),
        ("abc\u202edef\u2066\u200b\ufeff", "abcdef"),
        (f"👍🏽 ❤️ {FAMILY} {FLAG}", f"👍🏽 ❤️ {FAMILY} {FLAG}"),
        ("\u200d\n\u200b \n", ""),
        ("half \ud83d", "half ?"),
        ("", ""),
    ],
)
def test_a_text_keeps_its_lines_and_emoji_and_no_line_can_pass_for_another_s(text, cleaned):
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Zoé", "Zoé"),
        ("Zoé\nBob: hi", "Zoé Bob hi"),
        ("Zoé: I agree. Bob", "Zoé I agree. Bob"),
        ("Zoé\uff1a I agree", "Zoé I agree"),
        ("/reboot now", "reboot now"),
        ("!.#@ ping", "ping"),
        ("👍 Zoé", "👍 Zoé"),
        ("/:/", ""),
        ("\u202e\u200b", ""),
        ("\u200d/\u200dreboot", "reboot"),
        ("\u200d", ""),
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopq…"),
    ],
)
def test_a_name_is_one_line_without_colon_and_begins_no_command(name, cleaned):
    assert clean_name(name, 20) == cleaned
