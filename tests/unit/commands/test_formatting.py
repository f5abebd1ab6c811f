"""Ages, lengths, numbers and pages as they stand in an answer."""

import pytest

from meshbot.commands.formatting import (
    PACKET_BYTES,
    age,
    as_many_as_fit,
    duration,
    length,
    name_of,
    pages_of,
    share,
    whole_number,
)
from meshbot.commands.language import translator
from meshbot.mesh_memory.views import DirectNode


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (59.9, "59s"), (60, "1min"), (3599, "59min"), (3600, "1h"), (172_799, "47h"), (172_800, "2d")],
)
def test_an_age_has_one_unit(seconds, text):
    assert age(seconds, translator("en")) == text


def test_an_age_s_days_are_jours_in_french():
    assert age(3 * 86400, translator("fr")) == "3j"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
        (100 * 86400, "100 d"),
    ],
)
def test_a_duration_has_its_two_greatest_units(seconds, text):
    assert duration(seconds, translator("en")) == text


def test_a_duration_s_days_are_jours_in_french():
    assert duration(2 * 86400 + 4 * 3600, translator("fr")) == "2 j 4 h"


@pytest.mark.parametrize(
    ("long_name", "short_name", "text"),
    [
        ("Pascal G. 47", "PG47", "Pascal G. 47"),
        ("Pascal Gerland 47", "PG47", "PG47"),
        ("Pascal Gerland 47", "", "Pascal Gerlan…"),
        ("Été à la plage é", "", "Été à la p…"),
        ("", "PG47", "PG47"),
        ("", "", "!20001eef"),
    ],
)
def test_a_name_that_does_not_fit_gives_way_to_the_short_one(long_name, short_name, text):
    node = DirectNode(0x20001EEF, long_name, short_name, None, 0)
    assert name_of(node, 16) == text
    assert len(text.encode()) <= 16


@pytest.mark.parametrize(("metres", "text"), [(0, "0m"), (999, "999m"), (45_210, "45.2km"), (312_400, "312km")])
def test_a_length_has_three_digits_or_so(metres, text):
    assert length(metres) == text


def test_a_share_of_zero_is_zero():
    assert (share(0, 0), share(1, 3)) == ("0%", "33%")


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("0", 1), ("99", 10), ("", None), ("-1", None), ("²", None), ("9" * 5000, None)]
)
def test_a_number_is_brought_within_its_bounds(text, number):
    assert whole_number(text, 1, 10) == number


def test_lines_without_room_are_counted():
    assert as_many_as_fit("head", ["a" * 90, "b" * 90, "c"], 3) == f"head\n{'a' * 90}\n{'b' * 90}\nc"
    assert as_many_as_fit("head", ["a" * 90, "b" * 90, "c" * 90], 3) == f"head\n{'a' * 90}\n{'b' * 90}\n+1"
    assert as_many_as_fit("head", ["a" * 300, "b"], 2) == f"head\n{'a' * 300}\n+1"
    assert as_many_as_fit("head", [], 0) == "head"


def test_pages_hold_each_line_once_and_fit_a_packet():
    lines = [f"node {number} {'é' * (number % 40)}" for number in range(100)]
    pages = pages_of(lambda page, pages: f"{page}/{pages}", lines)
    assert [page.splitlines()[0] for page in pages] == [f"{n}/{len(pages)}" for n in range(1, len(pages) + 1)]
    assert [line for page in pages for line in page.splitlines()[1:]] == lines
    assert all(len(page.encode()) <= PACKET_BYTES for page in pages)
