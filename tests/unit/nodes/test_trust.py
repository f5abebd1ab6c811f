from dataclasses import replace

import pytest

from meshbot.nodes import trust as trust_module
from meshbot.nodes.operator_trust import OperatorTrust
from meshbot.nodes.trust import MAX_PENDING, KeyTrust
from meshbot.storage import DAY
from meshbot.storage.nodes import Changes, KeyRow, KeySource, KeyStatus, NodeRow, Snapshot
from tests.support.nodes import ALICE, BOB, CAROL, key

NODEDB, NODEINFO, IMPORT, OPERATOR = KeySource.NODEDB, KeySource.NODEINFO, KeySource.IMPORT, KeySource.OPERATOR
LATER = 50
# fingerprints of key(1) and key(2)
ONE, TWO = "5972 7626 7151 2390 7779 5174", "1489 6247 9011 2739 4611 7919"


@pytest.fixture
def trust():
    return KeyTrust(Snapshot())


def learn(trust, public_key, source, num=ALICE, now=10, **known):
    return trust.learn(NodeRow(num, **known), public_key, source, now)


def keys_of(trust, num=ALICE):
    """The trusted key and the pending ones, as the numbers they were made from."""

    def seed(row):
        return int.from_bytes(row.public_key[:2], "big")

    trusted = trust.trusted.get(num)
    return trusted and seed(trusted), [seed(row) for row in trust.pending.get(num, [])]


@pytest.mark.parametrize("source", KeySource)
def test_the_first_key_of_a_node_is_trusted(trust, source):
    assert learn(trust, key(1), source) is None
    assert trust.trusted == {ALICE: KeyRow(ALICE, key(1), source, KeyStatus.TRUSTED, 10, 10)}


@pytest.mark.parametrize("source", KeySource)
def test_an_empty_key_never_replaces_a_key(trust, source):
    learn(trust, key(1), NODEDB)
    assert learn(trust, b"", source) is None
    assert keys_of(trust) == (1, [])


# Columns: source of key 1, source of key 2; what is trusted and pending afterwards
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (NODEINFO, NODEINFO, (1, [2])),
        (NODEINFO, IMPORT, (1, [2])),
        (NODEINFO, NODEDB, (1, [2])),
        (NODEINFO, OPERATOR, (2, [])),
        (IMPORT, NODEINFO, (1, [2])),
        (IMPORT, NODEDB, (2, [])),
        (NODEDB, NODEINFO, (1, [2])),
        (NODEDB, IMPORT, (1, [2])),
        (NODEDB, NODEDB, (1, [2])),
        (NODEDB, OPERATOR, (2, [])),
        (OPERATOR, NODEINFO, (1, [2])),
        (OPERATOR, NODEDB, (1, [2])),
        (OPERATOR, OPERATOR, (2, [])),
    ],
)
def test_only_an_operator_replaces_a_key_that_was_heard(trust, first, second, expected):
    learn(trust, key(1), first)
    assert learn(trust, key(2), second) is not None
    assert keys_of(trust) == expected


def test_a_pending_key_is_reported_once(trust):
    learn(trust, key(1), NODEDB, long_name="Alice")
    line = learn(trust, key(2), NODEINFO)
    assert line == (
        f"⚠️ Autre clé publique pour Alice (!20001eef): {TWO} (nodeinfo), l'ancienne {ONE} reste en usage "
        "tant que la nouvelle n'est pas confirmée"
    )
    assert learn(trust, key(2), NODEINFO) is None


@pytest.mark.parametrize(("source", "by"), [(NODEDB, "la base du nœud"), (OPERATOR, "un opérateur")])
def test_a_confirmed_key_replaces_the_old_one_and_is_reported(trust, source, by):
    learn(trust, key(1), IMPORT)
    learn(trust, key(3), NODEINFO, now=20)
    learn(trust, key(2), NODEINFO, now=30)
    trust.take_unsaved()
    line = learn(trust, key(2), source, now=LATER)
    assert line == f"🔑 Clé publique de !20001eef changée par {by}: {ONE} → {TWO}"
    assert keys_of(trust) == (2, [3])
    assert list(trust.take_unsaved().keys.values()) == [
        KeyRow(ALICE, key(1), IMPORT, KeyStatus.SUPERSEDED, 10, LATER),
        KeyRow(ALICE, key(2), source, KeyStatus.TRUSTED, 30, LATER),
    ]


def test_the_same_key_from_a_better_source_takes_that_source(trust):
    for source, vouching in [(NODEINFO, NODEINFO), (NODEDB, NODEDB), (OPERATOR, OPERATOR), (NODEDB, OPERATOR)]:
        assert learn(trust, key(1), source) is None
        assert trust.trusted[ALICE].source is vouching
    assert trust.trust_changes == 1


def test_a_superseded_key_that_comes_back_is_unconfirmed_again(trust):
    learn(trust, key(1), NODEDB)
    learn(trust, key(2), OPERATOR)
    assert learn(trust, key(1), NODEINFO) is not None
    assert keys_of(trust) == (2, [1])


def test_the_oldest_unconfirmed_key_gives_way_after_a_day(trust):
    learn(trust, key(1), NODEDB)
    for seed in range(2, 2 + MAX_PENDING):
        learn(trust, key(seed), NODEINFO, now=1000 + seed)
    assert learn(trust, key(9), NODEINFO, now=1001 + DAY) is None
    assert learn(trust, key(9), NODEINFO, now=1002 + DAY) is not None
    assert keys_of(trust) == (1, [3, 4, 5, 9])
    unsaved = trust.take_unsaved()
    assert unsaved.dropped == {(ALICE, key(2))}
    assert (ALICE, key(2)) not in unsaved.keys


def test_an_unconfirmed_key_from_the_radio_displaces_a_forged_one(trust):
    learn(trust, key(1), OPERATOR)
    for seed in range(2, 2 + MAX_PENDING):
        learn(trust, key(seed), NODEINFO)
    assert [learn(trust, key(seed), NODEDB) is not None for seed in range(10, 16)] == [True] * 4 + [False] * 2
    assert keys_of(trust) == (1, [10, 11, 12, 13])


def test_what_is_known_of_shared_keys_stays_bounded(trust, monkeypatch):
    for seed in range(1, 40):
        learn(trust, key(seed), NODEDB, num=2 * seed)
        learn(trust, key(seed), NODEDB, num=2 * seed + 1)
        assert len(trust.shared_key_lines()) == 1
        trust.evict([2 * seed, 2 * seed + 1])
    trust.shared_key_lines()
    assert trust._logged_shared == set()


def test_unconfirmed_keys_of_one_node_are_bounded_and_silent_beyond(trust):
    learn(trust, key(1), NODEDB)
    lines = [learn(trust, key(seed), NODEINFO) for seed in range(2, 50)]
    assert keys_of(trust) == (1, [2, 3, 4, 5])
    assert [line is not None for line in lines] == [True] * MAX_PENDING + [False] * (48 - MAX_PENDING)
    assert len(trust.take_unsaved().keys) == 1 + MAX_PENDING


def test_nodes_from_packets_are_bounded_and_those_of_the_radio_not(trust, monkeypatch):
    monkeypatch.setattr(trust_module, "MAX_NODES", 2)
    lines = [learn(trust, key(num), NODEINFO, num=num) for num in range(1, 6)]
    assert sorted(trust.nodes) == sorted(trust.trusted) == [1, 2]
    assert (
        lines
        == [None, None, "⚠️ 2 nœuds à garder: les nouveaux venus ne sont plus retenus, sauf par la base du nœud"]
        + [None] * 2
    )
    learn(trust, key(5), NODEDB, num=5)
    learn(trust, key(1), NODEINFO, num=1, long_name="One")
    assert keys_of(trust, 5) == (5, [])
    assert trust.nodes[1].long_name == "One"


def test_of_invented_nodes_20_000_are_learnt(trust):
    for num in range(1, 20_003):
        learn(trust, b"", NODEINFO, num=num)
    assert len(trust.nodes) == 20_000


# Names


def test_what_is_not_reported_stays_as_it_was(trust):
    learn(trust, b"", NODEDB, long_name="Alice", short_name="AL", hw_model="TBEAM", latitude=0.0, altitude=0)
    learn(trust, b"", NODEINFO, now=LATER, long_name="Alicia", role="ROUTER")
    assert trust.nodes[ALICE] == NodeRow(ALICE, "Alicia", "AL", "TBEAM", "ROUTER", 0.0, None, 0, LATER, "Alice", LATER)


def test_zero_degrees_and_zero_metres_are_values(trust):
    learn(trust, b"", NODEDB, latitude=45.0, altitude=100)
    learn(trust, b"", NODEDB, latitude=0.0, altitude=0)
    assert (trust.nodes[ALICE].latitude, trust.nodes[ALICE].altitude) == (0.0, 0)


def test_an_import_only_fills_gaps(trust):
    learn(trust, b"", NODEINFO, long_name="Alice")
    learn(trust, key(1), IMPORT, now=LATER, long_name="Old name", short_name="AL", last_update=5)
    assert trust.nodes[ALICE] == NodeRow(ALICE, "Alice", "AL", last_update=10)
    learn(trust, b"", IMPORT, num=BOB, long_name="Bob", last_update=5)
    assert trust.nodes[BOB] == NodeRow(BOB, "Bob", last_update=5)


def test_what_is_known_already_is_not_written_again(trust):
    for _ in range(2):
        learn(trust, key(1), NODEDB, long_name="Alice", latitude=45.0)
        learn(trust, key(2), NODEINFO)
    assert len(trust.take_unsaved()) == 3
    learn(trust, key(1), NODEDB, now=LATER, long_name="Alice", latitude=45.0)
    learn(trust, key(2), NODEINFO, now=LATER)
    learn(trust, key(1), IMPORT, now=LATER, long_name="Alice")
    assert not trust.take_unsaved()


def test_what_was_put_back_is_taken_in_its_latest_state(trust):
    learn(trust, key(1), NODEDB, long_name="Alice")
    failed = trust.take_unsaved()
    learn(trust, key(1), NODEDB, now=LATER, long_name="Alicia")
    trust.put_back(failed)
    unsaved = trust.take_unsaved()
    assert unsaved.nodes == {ALICE: NodeRow(ALICE, "Alicia", last_update=LATER, former_name="Alice", renamed_at=LATER)}
    assert unsaved.keys == {(ALICE, key(1)): trust.trusted[ALICE]}
    assert trust.take_unsaved() == Changes()


# Names that may be somebody else's


@pytest.mark.parametrize("first", [NODEDB, OPERATOR, IMPORT, NODEINFO])
@pytest.mark.parametrize("public_key", [key(2), b""])
def test_a_packet_without_the_trusted_key_changes_nothing(trust, first, public_key):
    learn(trust, key(1), first, long_name="Alice", short_name="AL", hw_model="TBEAM", role="CLIENT")
    before = trust.nodes[ALICE]
    learn(trust, public_key, NODEINFO, now=LATER, long_name="Mallory", short_name="MA", hw_model="X", role="ROUTER")
    assert trust.nodes[ALICE] == before
    learn(trust, key(1), NODEINFO, now=LATER, long_name="Alicia")
    assert trust.nodes[ALICE].long_name == "Alicia"


def test_a_radio_that_lost_the_key_only_fills_gaps(trust):
    learn(trust, key(1), NODEINFO, long_name="Alice")
    learn(trust, b"", NODEDB, now=LATER, long_name="Mallory", short_name="MA", latitude=45.0)
    assert trust.nodes[ALICE] == NodeRow(ALICE, "Alice", "MA", latitude=45.0, last_update=10)


@pytest.mark.parametrize("public_key", [key(2), b""])
def test_what_came_before_the_database_renames_nobody_who_has_a_key(trust, public_key):
    learn(trust, public_key, NODEINFO, long_name="Mallory")
    known = KeyTrust(
        Snapshot(
            {ALICE: NodeRow(ALICE, "Alice")},
            {ALICE: KeyRow(ALICE, key(1), NODEINFO, KeyStatus.TRUSTED, 1, 1)},
        )
    )
    known.merge(trust, LATER)
    assert known.nodes[ALICE].long_name == "Alice"
    assert keys_of(known)[0] == 1


@pytest.mark.parametrize("source", [NODEDB, NODEINFO])
def test_a_node_that_is_renamed_keeps_its_former_name(trust, source):
    learn(trust, key(1), source, long_name="Alice", short_name="AL")
    learn(trust, key(1), source, now=LATER, long_name="Zoé")
    assert (trust.nodes[ALICE].former_name, trust.nodes[ALICE].renamed_at) == ("Alice", LATER)


@pytest.mark.parametrize("again", ["ALICE", "Álice", "Ali\u200bce"])
def test_the_same_name_written_otherwise_is_no_new_name(trust, again):
    learn(trust, key(1), NODEDB, long_name="Alice")
    learn(trust, key(1), NODEDB, now=LATER, long_name=again)
    assert trust.nodes[ALICE].renamed_at is None


LONG = "Relais Mont Ventoux Été 🛰️"


@pytest.mark.parametrize("mark", ["", "\ufffd"])
@pytest.mark.parametrize("size", [24, 25, 26])
def test_a_name_that_the_radio_cut_leaves_the_whole_one(trust, size, mark):
    cut = LONG.encode()[:size].decode(errors="ignore").rstrip() + mark
    learn(trust, key(1), NODEINFO, long_name=LONG)
    learn(trust, key(1), NODEDB, now=LATER, long_name=cut)
    assert (trust.nodes[ALICE].long_name, trust.nodes[ALICE].renamed_at) == (LONG, None)
    learn(trust, key(2), NODEDB, num=BOB, long_name=cut)
    learn(trust, key(2), NODEINFO, num=BOB, now=LATER, long_name=LONG)
    assert (trust.nodes[BOB].long_name, trust.nodes[BOB].renamed_at) == (LONG, None)


def test_a_short_beginning_of_a_name_is_a_new_name(trust):
    learn(trust, key(1), NODEINFO, long_name=LONG)
    learn(trust, key(1), NODEINFO, long_name="Relais Mont")
    assert trust.nodes[ALICE].long_name == "Relais Mont"


# One key, several nodes


def test_a_key_of_two_nodes_is_found_and_logged_once(trust):
    learn(trust, key(1), NODEDB, long_name="Alice")
    learn(trust, key(2), NODEDB, num=BOB)
    assert (trust.duplicates(), trust.shared_key_lines()) == ({}, [])
    learn(trust, key(1), NODEINFO, num=CAROL)
    assert trust.duplicates() == {key(1): [ALICE, CAROL]}
    assert trust.shared_key_lines() == [
        "⚠️ Même clé publique 5972 7626 7151 2390 7779 5174 chez Alice (!20001eef), !20001ef1: copie ou usurpation"
    ]
    assert trust.shared_key_lines() == []


def test_trust_goes_on_where_the_snapshot_ended():
    rows = {ALICE: NodeRow(ALICE, "Alice")}
    trusted = KeyRow(ALICE, key(1), NODEDB, KeyStatus.TRUSTED, 1, 1)
    pending = replace(trusted, public_key=key(2), source=NODEINFO, status=KeyStatus.PENDING)
    trust = OperatorTrust(Snapshot(rows, {ALICE: trusted}, {ALICE: [pending]}))
    assert learn(trust, key(2), NODEINFO) is None
    assert keys_of(trust) == (1, [2])
    assert trust.keyed() == [(rows[ALICE], key(1))]
