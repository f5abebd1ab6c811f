"""Which node a person means."""

import pytest

from meshbot.mesh_memory.search import search

NAMES = [
    (0x20001EEF, "ALI", "Alice Gare"),
    (0x20001EF0, "BOB", "Bob"),
    (0xDEADBEEF, "1eef", "Relais Nord"),
    (0x0000BEEF, "", ""),
    (0x11111111, "🐟", "Poisson Éloi"),
]
ALICE, BOB, RELAY, NAMELESS, FISH = (num for num, *_ in NAMES)


@pytest.mark.parametrize(
    ("text", "nums"),
    [
        ("bob", [BOB]),
        (" BOB ", [BOB]),
        ("Alice gare", [ALICE]),
        ("🐟", [FISH]),
        ("!20001ef0", [BOB]),
        ("20001EF0", [BOB]),
        ("1ef0", [BOB]),
        ("!1ef0", [BOB]),
        ("beef", [RELAY, NAMELESS]),
        ("1eef", [ALICE, RELAY]),  # no name takes what the end of an id means
        ("!1eef", [ALICE]),
        ("ali", [ALICE]),
        ("relais", [RELAY]),
        ("nord", [RELAY]),
        ("éloi", [FISH]),
        ("ÉLOI", [FISH]),
        ("eloi", [FISH]),
        ("poisson eloi", [FISH]),
        ("🐟\ufe0f", [FISH]),
        ("0x20001ef0", [BOB]),
        ("0xbeef", [RELAY, NAMELESS]),
        ("o", [BOB, RELAY, FISH]),
        ("f", [RELAY]),  # one digit is no end of an id
        ("!bob", []),
        ("nobody", []),
        ("", []),
        ("  ", []),
        ("!", []),
        ("!fffffffff", []),
        ("0x", []),
        ("99999999", []),
    ],
)
def test_a_text_means_the_nodes_that_match_it_best(text, nums):
    assert search(text, NAMES) == nums


def test_two_nodes_of_one_name_are_both_meant():
    assert search("twin", [(1, "TWIN", ""), (2, "", "Twin")]) == [1, 2]


def test_an_id_used_as_a_name_does_not_find_its_user():
    names = [(0x20001EEF, "ALI", "Alice"), (0x66666666, "!1eef", "!20001eef")]
    assert search("!20001eef", names) == search("0x20001eef", names) == search("!1eef", names) == [0x20001EEF]


def test_a_name_of_nothing_but_marks_is_still_a_name():
    assert search("\u0301", [(1, "\u0301", ""), (2, "B", "")]) == [1]
