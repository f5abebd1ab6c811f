"""/neighbors: who hears whom without a relay."""

import pytest

from meshbot.commands.formatting import PACKET_BYTES
from meshbot.mesh_link.payloads import Neighbor, NeighborInfo
from tests.support.packet_records import packet
from tests.support.town import HOUR, STRANGER, EmptyTown, Town, ask


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


@pytest.fixture
def empty(tmp_path):
    with EmptyTown(tmp_path) as town:
        yield town


def test_an_empty_mesh_has_no_neighbours(empty):
    assert ask(empty, "/neighbors") == "👂 Nobody has told whom it hears in 24h."
    assert ask(empty, "/neighbors alice") == "I know no node « alice »."


def test_a_node_without_neighbours_says_so(town):
    answer = ask(town, f"/neighbors {STRANGER:x}", "fr")
    assert answer == "👂 !0badcafe : aucun voisin connu en 24h."


def test_what_was_heard_more_than_a_day_ago_is_left_out(town):
    town.clock.jump(23 * HOUR)
    assert ask(town, "/voisins") == "👂 Who hears whom, 24h:\nRelais ← Asker 6.0dB"


def test_a_neighbour_of_unknown_strength_comes_last_and_without_a_figure(empty):
    empty.record(packet(1, NeighborInfo((Neighbor(2, None), Neighbor(3, -20.0))), hops=1))
    assert ask(empty, "/neighbors 00000001").splitlines()[1:] == ["!00000003 ← -20.0dB", "!00000002 ←"]


def test_many_neighbours_are_counted_and_fit_one_packet(empty):
    for num in range(1, 60):
        empty.record(packet(num, NeighborInfo(tuple(Neighbor(num + step, -10.0) for step in range(1, 10))), hops=1))
    for question in ("/neighbors", "/neighbors 0000001e"):
        answer = ask(empty, question, "fr")
        assert answer.splitlines()[-1].startswith("+")
        assert len(answer.encode()) <= PACKET_BYTES
