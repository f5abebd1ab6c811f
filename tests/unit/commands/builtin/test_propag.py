"""/propag: the longest links heard."""

import pytest

from meshbot.commands.builtin.propag import MOST_BYTES, MOST_HOURS, MOST_LINKS, parse_argument
from meshbot.commands.formatting import PACKET_BYTES
from meshbot.mesh_link.payloads import Neighbor, NeighborInfo
from tests.support.nodes import record
from tests.support.packet_records import packet
from tests.support.town import HOUR, EmptyTown, Town, ask


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


@pytest.fixture
def empty(tmp_path):
    with EmptyTown(tmp_path) as town:
        yield town


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", (24, 3)),
        ("6h", (6, 3)),
        ("6 2", (6, 2)),
        ("0 0", (1, 1)),
        ("999999 999999", (MOST_HOURS, MOST_LINKS)),
        ("far", None),
        ("6 far", None),
        ("-6", None),
        ("6 2 1", None),
    ],
)
def test_hours_and_links_are_brought_within_their_bounds(argument, expected):
    assert parse_argument(argument) == expected


def test_a_mesh_without_positions_has_an_answer(empty):
    empty.record(packet(1))
    assert ask(empty, "/propag 6", "fr").startswith("📏 Aucun lien de longueur connue en 6h")


def test_links_are_those_of_the_hours_asked_for(town):
    town.clock.jump(4 * HOUR)
    assert ask(town, "/propag 1").startswith("📏 No link of known length in 1h")
    assert "Carol → Bob" in ask(town, "/propag 7")


def test_the_answer_has_the_hours_that_are_kept(town, empty):
    assert ask(town, "/propag 720 1").startswith(f"📏 Longest links in {town.memory.hours_kept}h:")
    assert "in 168h" in ask(empty, "/propag 720")


def test_a_link_in_both_directions_is_listed_once(town):
    assert ask(town, "/propag 24 10").count("Carol") == 1


def test_the_usual_answer_fits_one_packet_and_the_most_three(empty):
    nums = range(1, 30)
    empty.manager.learn_from_nodeinfos(
        [record(num, long_name=f"{num} " + "é" * 17, latitude=40 + num / 10, longitude=4.0) for num in nums]
    )
    empty.record(
        *(packet(num, NeighborInfo((Neighbor(num + 1, -12.5), Neighbor(num + 2, -12.5))), hops=1) for num in nums)
    )
    assert len(ask(empty, "/propag", "fr").encode()) <= PACKET_BYTES
    assert len(ask(empty, "/propag 720 10", "fr").encode()) <= MOST_BYTES
