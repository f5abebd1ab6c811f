from dataclasses import replace

import pytest

from meshbot.nodes import trust
from meshbot.nodes.trust import MAX_PENDING, KeyTrust
from meshbot.storage.nodes import Changes, KeyRow, KeySource, KeyStatus, NodeRow, Snapshot
from tests.support.nodes import ALICE, BOB, CAROL, key

NODEDB, NODEINFO, IMPORT, OPERATOR = KeySource.NODEDB, KeySource.NODEINFO, KeySource.IMPORT, KeySource.OPERATOR
LATER = 50


@pytest.fixture
def book():
    return KeyTrust(Snapshot())


def learn(book, public_key, source, num=ALICE, now=10, **said):
    return book.learn(NodeRow(num, **said), public_key, source, now)


def known(book, num=ALICE):
    """The trusted key and the pending ones, as the numbers they were made from."""

    def seed(row):
        return int.from_bytes(row.public_key[:2], "big")

    trusted = book.trusted.get(num)
    return trusted and seed(trusted), [seed(row) for row in book.pending.get(num, [])]


@pytest.mark.parametrize("source", KeySource)
def test_the_first_key_of_a_node_is_trusted(book, source):
    assert learn(book, key(1), source) is None
    assert book.trusted == {ALICE: KeyRow(ALICE, key(1), source, KeyStatus.TRUSTED, 10, 10)}


@pytest.mark.parametrize("source", KeySource)
def test_an_empty_key_never_replaces_a_key(book, source):
    learn(book, key(1), NODEDB)
    assert learn(book, b"", source) is None
    assert known(book) == (1, [])


# Columns: who vouched for key 1, who then says key 2; what is trusted and pending afterwards
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (NODEINFO, NODEINFO, (1, [2])),
        (NODEINFO, IMPORT, (1, [2])),
        (NODEINFO, NODEDB, (2, [])),
        (NODEINFO, OPERATOR, (2, [])),
        (IMPORT, NODEINFO, (1, [2])),
        (IMPORT, NODEDB, (2, [])),
        (NODEDB, NODEINFO, (1, [2])),
        (NODEDB, IMPORT, (1, [2])),
        (NODEDB, NODEDB, (2, [])),
        (NODEDB, OPERATOR, (2, [])),
        (OPERATOR, NODEINFO, (1, [2])),
        (OPERATOR, NODEDB, (1, [2])),
        (OPERATOR, OPERATOR, (2, [])),
    ],
)
def test_another_key_is_trusted_only_on_the_word_of_the_database_or_of_an_operator(book, first, second, expected):
    learn(book, key(1), first)
    assert learn(book, key(2), second) is not None
    assert known(book) == expected


def test_a_pending_key_is_reported_once(book):
    learn(book, key(1), NODEDB, long_name="Alice")
    line = learn(book, key(2), NODEINFO)
    assert line == (
        "⚠️ Autre clé publique pour Alice (!20001eef): AAIAAAAA… (nodeinfo), l'ancienne AAEAAAAA… reste en usage "
        "tant que la nouvelle n'est pas confirmée"
    )
    assert learn(book, key(2), NODEINFO) is None


@pytest.mark.parametrize(("source", "by"), [(NODEDB, "la base du nœud"), (OPERATOR, "un opérateur")])
def test_a_confirmed_key_takes_the_place_of_the_old_one_and_is_reported(book, source, by):
    learn(book, key(1), NODEINFO)
    learn(book, key(3), NODEINFO, now=20)
    learn(book, key(2), NODEINFO, now=30)
    book.take_unsaved()
    line = learn(book, key(2), source, now=LATER)
    assert line == f"🔑 Clé publique de !20001eef changée par {by}: AAEAAAAA… → AAIAAAAA…"
    assert known(book) == (2, [3])
    assert list(book.take_unsaved().keys.values()) == [
        KeyRow(ALICE, key(1), NODEINFO, KeyStatus.SUPERSEDED, 10, LATER),
        KeyRow(ALICE, key(2), source, KeyStatus.TRUSTED, 30, LATER),
    ]


def test_the_same_key_from_a_better_source_is_vouched_for_by_it_from_then_on(book):
    for source, vouching in [(NODEINFO, NODEINFO), (NODEDB, NODEDB), (OPERATOR, OPERATOR), (NODEDB, OPERATOR)]:
        assert learn(book, key(1), source) is None
        assert book.trusted[ALICE].source is vouching
    assert book.trust_changes == 1


def test_a_superseded_key_that_comes_back_is_unconfirmed_again(book):
    learn(book, key(1), NODEDB)
    learn(book, key(2), NODEDB)
    assert learn(book, key(1), NODEINFO) is not None
    assert known(book) == (2, [1])


def test_unconfirmed_keys_of_one_node_are_bounded_and_silent_beyond(book):
    learn(book, key(1), NODEDB)
    lines = [learn(book, key(seed), NODEINFO) for seed in range(2, 50)]
    assert known(book) == (1, [2, 3, 4, 5])
    assert [line is not None for line in lines] == [True] * MAX_PENDING + [False] * (48 - MAX_PENDING)
    assert len(book.take_unsaved().keys) == 1 + MAX_PENDING


def test_nodes_that_anybody_can_invent_are_bounded_and_the_radios_own_are_not(book, monkeypatch):
    monkeypatch.setattr(trust, "MAX_NODES", 2)
    lines = [learn(book, key(num), NODEINFO, num=num) for num in range(1, 6)]
    assert sorted(book.nodes) == sorted(book.trusted) == [1, 2]
    assert (
        lines
        == [None, None, "⚠️ 2 nœuds connus: les nouveaux venus ne sont plus retenus, sauf par la base du nœud"]
        + [None] * 2
    )
    learn(book, key(5), NODEDB, num=5)
    learn(book, b"", NODEINFO, num=1, long_name="One")
    assert known(book, 5) == (5, [])
    assert book.nodes[1].long_name == "One"


def test_of_invented_nodes_20_000_are_learnt(book):
    for num in range(1, 20_003):
        learn(book, b"", NODEINFO, num=num)
    assert len(book.nodes) == 20_000


# Names


def test_what_is_not_said_stays_as_it_was(book):
    learn(book, b"", NODEDB, long_name="Alice", short_name="AL", hw_model="TBEAM", latitude=0.0, altitude=0)
    learn(book, b"", NODEINFO, now=LATER, long_name="Alicia", role="ROUTER")
    assert book.nodes[ALICE] == NodeRow(ALICE, "Alicia", "AL", "TBEAM", "ROUTER", 0.0, None, 0, LATER)


def test_zero_degrees_and_zero_metres_are_said(book):
    learn(book, b"", NODEDB, latitude=45.0, altitude=100)
    learn(book, b"", NODEDB, latitude=0.0, altitude=0)
    assert (book.nodes[ALICE].latitude, book.nodes[ALICE].altitude) == (0.0, 0)


def test_an_import_only_fills_gaps(book):
    learn(book, b"", NODEINFO, long_name="Alice")
    learn(book, key(1), IMPORT, now=LATER, long_name="Old name", short_name="AL", last_update=5)
    assert book.nodes[ALICE] == NodeRow(ALICE, "Alice", "AL", last_update=10)
    learn(book, b"", IMPORT, num=BOB, long_name="Bob", last_update=5)
    assert book.nodes[BOB] == NodeRow(BOB, "Bob", last_update=5)


def test_what_is_known_already_is_not_written_again(book):
    for _ in range(2):
        learn(book, key(1), NODEDB, long_name="Alice", latitude=45.0)
        learn(book, key(2), NODEINFO)
    assert len(book.take_unsaved()) == 3
    learn(book, key(1), NODEDB, now=LATER, long_name="Alice", latitude=45.0)
    learn(book, key(2), NODEINFO, now=LATER)
    learn(book, key(1), IMPORT, now=LATER, long_name="Alice")
    assert not book.take_unsaved()


def test_what_could_not_be_written_is_handed_out_again_in_its_latest_state(book):
    learn(book, key(1), NODEDB, long_name="Alice")
    failed = book.take_unsaved()
    learn(book, b"", NODEDB, now=LATER, long_name="Alicia")
    book.put_back(failed)
    unsaved = book.take_unsaved()
    assert unsaved.nodes == {ALICE: NodeRow(ALICE, "Alicia", last_update=LATER)}
    assert unsaved.keys == {(ALICE, key(1)): book.trusted[ALICE]}
    assert book.take_unsaved() == Changes()


# One key, several nodes


def test_a_key_of_two_nodes_is_found_and_said_once(book):
    learn(book, key(1), NODEDB, long_name="Alice")
    learn(book, key(2), NODEDB, num=BOB)
    assert (book.duplicates(), book.shared_key_lines()) == ({}, [])
    learn(book, key(1), NODEINFO, num=CAROL)
    assert book.duplicates() == {key(1): [ALICE, CAROL]}
    assert book.shared_key_lines() == [
        "⚠️ Même clé publique AAEAAAAA… chez Alice (!20001eef), !20001ef1: copie ou usurpation"
    ]
    assert book.shared_key_lines() == []


def test_a_book_goes_on_where_the_snapshot_ended():
    rows = {ALICE: NodeRow(ALICE, "Alice")}
    trusted = KeyRow(ALICE, key(1), NODEDB, KeyStatus.TRUSTED, 1, 1)
    pending = replace(trusted, public_key=key(2), source=NODEINFO, status=KeyStatus.PENDING)
    book = KeyTrust(Snapshot(rows, {ALICE: trusted}, {ALICE: [pending]}))
    assert learn(book, key(2), NODEINFO) is None
    assert known(book) == (1, [2])
    assert book.keyed() == [(rows[ALICE], key(1))]
