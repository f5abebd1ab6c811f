"""Cutting a text into packets."""

import pytest

from meshbot.text import MIN_LIMIT, folded, legible, one_line, shorten, split_text


def test_a_short_text_stays_whole():
    assert split_text("bonjour", 200) == ["bonjour"]


def test_a_text_of_exactly_the_limit_stays_whole():
    assert split_text("é" * 100, 200) == ["é" * 100]


def test_an_empty_text_is_one_empty_part():
    assert split_text("", 200) == [""]


def test_several_parts_are_numbered():
    assert split_text("a" * 50, 32) == ["(1/2) " + "a" * 26, "(2/2) " + "a" * 24]


def test_a_text_is_cut_behind_a_word():
    assert split_text("x" * 20 + " " + "y" * 20, 32) == ["(1/2) " + "x" * 20 + " ", "(2/2) " + "y" * 20]


def test_a_line_end_goes_before_a_word_end():
    assert split_text("x" * 15 + "\n" + "y" * 5 + " " + "z" * 20, 32)[0] == "(1/2) " + "x" * 15 + "\n"


def test_a_space_too_early_in_a_part_does_not_shorten_it():
    assert split_text("a " + "b" * 40, 32)[0] == "(1/2) a " + "b" * 24


def test_no_character_is_cut():
    parts = split_text("🤖" * 20, 32)
    assert "".join(part.split(" ", 1)[1] for part in parts) == "🤖" * 20


def test_the_numbering_grows_with_the_number_of_parts():
    parts = split_text("a" * 1000, 32)
    assert parts[0].startswith(f"(1/{len(parts)}) ")
    assert all(len(part) <= 32 for part in parts)


def test_a_very_long_text_comes_to_an_end_at_the_smallest_limit():
    parts = split_text("🤖" * 20_000, MIN_LIMIT)
    assert len(parts) > 1000
    assert max(len(part.encode()) for part in parts) <= MIN_LIMIT


def test_half_a_surrogate_pair_becomes_a_question_mark():
    assert split_text("nom \ud83d cassé", 200) == ["nom ? cassé"]


def test_a_limit_without_room_for_text_is_refused():
    with pytest.raises(ValueError, match="at least 32"):
        split_text("bonjour", 31)


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("", 3, ""),
        ("été", 5, "été"),
        ("étés", 5, "é…"),
        ("👍👍", 7, "👍…"),
        ("one two three", 12, "one two…"),
        ("half \ud800", 20, "half ?"),
    ],
)
def test_a_text_is_shortened_between_words_or_characters(text, limit, short):
    assert shorten(text, limit) == short


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  one\ttwo \r\n three\u2028four\x85five ", "one two three four five"),
        ("a\x00\x07\x1b[31mb\u202ec\u2066\ufeff", "a[31mbc"),
        ("👨\u200d👩\u200d👧 ❤️", "👨\u200d👩\u200d👧 ❤️"),
        ("half \ud83d", "half ?"),
        ("\u200d\n\u200b", ""),
        ("", ""),
    ],
)
def test_a_stranger_s_text_becomes_one_line_that_can_be_read(text, line):
    assert one_line(text) == line


@pytest.mark.parametrize(
    "text",
    ["👩‍👩‍👧", "❤️‍🔥", "1️⃣ ©️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 fort", "نمی‌خواهم", "क्‍ष", "葛󠄁城", "Zoé, « là »\nfin", "🧑🏽‍🚒"],
)
def test_emoji_and_scripts_stay_whole(text):
    assert legible(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Al\u200dice", "Alice"),
        ("\u200d🐟\u200d", "🐟"),
        ("a\ufe0fb\U000e0101c", "abc"),
        ("\u202eecila\u202c\x1b[2J\x00", "ecila[2J"),
        ("x\U000e0068\U000e0069", "x"),
        ("a\u2028b\tc", "a\nb c"),
        ("👩\u200d\u200d👧", "👩\u200d👧"),
        ("👩\u200d\u202e👧", "👩\u200d👧"),
        ("\u0300\u200c\U000e0020", "\u0300"),
    ],
)
def test_what_hides_in_a_text_is_left_out(text, expected):
    assert legible(text) == expected


BLANKS = ["", " ", "\u2800", "\u3164\uffa0", "\u115f\u1160", "\u200d", "\ufe0f", "\u034f", "\u0301", "\U000e0041"]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_line_is_empty(blank):
    assert one_line(blank * 3) == ""


def test_words_compare_without_case_accents_and_what_hides():
    assert folded("\u2068ZOÉ\u2069\u200b  Martin\x00") == folded("zoe\u0301 martin") == "zoe martin"
