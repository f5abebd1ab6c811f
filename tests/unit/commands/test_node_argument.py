"""Which node a user means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.language import translator
from commands.node_argument import label, matching, one_node

NODES = [
    (0x20001EEF, "Alice Bellecour", "ALI"),
    (0x20001EF0, "Élodie Vaise", "ELO"),
    (0xA1B2C3D4, "Bruno", "cafe"),
    (0x0000CAFE, "", ""),
    (0x000ABEEF, "Alice Vaise", "AV"),
]
ENGLISH = translator("en")


def numbers(argument):
    return [node[0] for node in matching(argument, NODES)]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("!20001eef", [0x20001EEF]),
        ("20001EEF", [0x20001EEF]),
        ("0x20001eef", [0x20001EEF]),
        ("!1eef", [0x20001EEF]),
        ("1eef", [0x20001EEF]),
        ("f0", [0x20001EF0]),
        ("ali", [0x20001EEF]),
        ("  ELO ", [0x20001EF0]),
        ("elodie vaise", [0x20001EF0]),
        ("élodie", [0x20001EF0]),
        ("bruno", [0xA1B2C3D4]),
        ("vaise", [0x000ABEEF, 0x20001EF0]),
        ("alice", [0x20001EEF, 0x000ABEEF]),
        ("eef", [0x20001EEF, 0x000ABEEF]),
        ("f", []),
        ("cafe", [0xA1B2C3D4]),
        ("!cafe", [0x0000CAFE]),
        ("!alice", []),
        ("nobody", []),
        ("", []),
        ("  ", []),
        ("!", []),
        ("!fffffffff", []),
    ],
)
def test_an_argument_means(argument, expected):
    assert numbers(argument) == expected


def test_one_node_is_returned_as_it_is():
    assert one_node("ali", NODES, ENGLISH) == NODES[0]


def test_several_are_listed_for_the_asker():
    assert one_node("vaise", NODES, ENGLISH) == "« vaise » is 2 nodes: Alice Vaise !000abeef, Élodie Vaise !20001ef0"


def test_a_long_list_is_cut():
    crowd = [(number, f"Node {number:02}", "") for number in range(1, 30)]
    answer = one_node("node", crowd, ENGLISH)
    assert answer.startswith("« node » is 29 nodes: Node 01 !00000001, ")
    assert answer.endswith("Node 04 !00000004, …")
    assert len(answer.encode()) <= 200


def test_an_unknown_one_is_said_shortly():
    assert one_node("x" * 300, NODES, ENGLISH) == f"I know no node « {'x' * 20} »."


def test_a_node_without_a_name_is_shown_by_its_id():
    assert [label(node) for node in (NODES[2], NODES[3])] == ["Bruno !a1b2c3d4", "!0000cafe"]


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(1, 2**32 - 2), st.text(max_size=8), st.text(max_size=4))))
def test_any_text_gets_a_node_or_a_sentence(argument, nodes):
    found = one_node(argument, nodes, ENGLISH)
    assert found in nodes or (isinstance(found, str) and found)


@given(st.lists(st.tuples(st.integers(1, 2**32 - 2), st.just("x"), st.just("y")), min_size=1, unique_by=lambda n: n[0]))
def test_a_whole_id_always_means_its_node(nodes):
    for node in nodes:
        assert one_node(f"!{node[0]:08x}", nodes, ENGLISH) == node
