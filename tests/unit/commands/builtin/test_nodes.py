"""/nodes: who is heard without a relay."""

import pytest

from tests.support.packet_records import packet
from tests.support.town import EmptyTown, Town, ask


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


@pytest.fixture
def empty(tmp_path):
    with EmptyTown(tmp_path) as town:
        yield town


def test_an_empty_mesh_has_an_answer(empty):
    assert ask(empty, "/nodes") == "📡 No node heard directly in 3 days."
    assert ask(empty, "/nodes 7", "fr") == "📡 Aucun nœud entendu en direct en 3 jours."


def test_nodes_silent_for_three_days_are_left_out(town):
    town.clock.jump(3 * 86400 - 600)
    assert ask(town, "/nodes").splitlines() == ["📡 Direct nodes in 3 days: 1 (page 1/1)", "Asker 6.0dB 2d"]


def test_a_node_without_a_name_is_its_id(empty):
    empty.hear(packet(0xABC))
    assert ask(empty, "/nodes").endswith("\n!00000abc 5.0dB 0s")


def test_many_nodes_take_pages_and_the_page_beyond_is_the_last(empty):
    empty.hear(*(packet(num, snr=num / 10) for num in range(1, 31)))
    first, second, beyond = (ask(empty, f"/nodes {page}") for page in ("", "2", "99999"))
    pages = int(first.splitlines()[0].split("/")[1].rstrip(")"))
    assert first.splitlines()[1] == "!0000001e 3.0dB 0s"
    assert f"(page 2/{pages})" in second
    assert f"(page {pages}/{pages})" in beyond
    assert beyond.endswith("\n!00000001 0.1dB 0s")


@pytest.mark.parametrize("argument", ["two", "-1", "1 2", "²", "9" * 200])
def test_a_page_that_is_no_number_is_asked_for(town, argument):
    assert ask(town, f"/nodes {argument}") == "Which page? For example: /nodes 2"
