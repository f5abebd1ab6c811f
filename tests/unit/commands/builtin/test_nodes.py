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
    empty.record(packet(0xABC))
    assert ask(empty, "/nodes").endswith("\n!00000abc 5.0dB 0s")


def test_many_nodes_take_pages_and_the_page_beyond_is_the_last(empty):
    empty.record(*(packet(num, snr=num / 10) for num in range(1, 31)))
    first, second, beyond = (ask(empty, f"/nodes {page}") for page in ("", "2", "99999"))
    pages = int(first.splitlines()[0].split("/")[1].rstrip(")"))
    assert first.splitlines()[1] == "!0000001e 3.0dB 0s"
    assert f"(page 2/{pages})" in second
    assert f"(page {pages}/{pages})" in beyond
    assert beyond.endswith("\n!00000001 0.1dB 0s")


@pytest.mark.parametrize("argument", ["two", "-1", "1 2", "²", "9" * 200])
def test_a_page_that_is_no_number_is_asked_for(town, argument):
    assert ask(town, f"/nodes {argument}") == "Which page? For example: /nodes 2"


def pages_of(town, request=lambda page: f"/nodes {page}", **details):
    first = ask(town, request(""), **details)
    count = int(first.splitlines()[0].split("/")[1].rstrip(")"))
    for page in range(2, count + 1):
        town.clock.advance(20)
        town.record(*(packet(num, snr=-num / 10) for num in range(1, 31)))
        yield ask(town, request(page), **details)


def test_pages_do_not_shift_while_signals_change(empty):
    empty.record(*(packet(num, snr=num / 10) for num in range(1, 31)))
    first = ask(empty, "/nodes")
    lines = [line.split()[0] for page in (first, *pages_of(empty)) for line in page.splitlines()[1:]]
    assert lines == [f"!{num:08x}" for num in range(30, 0, -1)]


def test_the_first_page_is_always_of_now_and_a_listing_ends(empty):
    empty.record(*(packet(num, snr=num / 10) for num in range(1, 31)))
    ask(empty, "/nodes")
    empty.record(packet(99, snr=20.0))
    assert "!0000001e" not in ask(empty, "/nodes 2")
    assert ask(empty, "/nodes 1").splitlines()[1].startswith("!00000063")
    second = ask(empty, "/nodes 2")
    empty.record(packet(77, snr=19.0))
    assert ask(empty, "/nodes 2") == second
    empty.clock.advance(901)
    assert ask(empty, "/nodes 2").splitlines()[1:] != second.splitlines()[1:]
