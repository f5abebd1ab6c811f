from dataclasses import replace

import pytest
from sqlalchemy import event, text

from meshbot.storage.database import StorageError
from meshbot.storage.nodes import (
    Changes,
    IdentityRow,
    ImportRow,
    KeyRow,
    KeySource,
    KeyStatus,
    NodeRow,
    NodeStore,
    Snapshot,
)
from tests.support.nodes import ALICE, BOB, key, text_of

ALICE_ROW = NodeRow(ALICE, "Alice 🦊", "AL", "TBEAM", "ROUTER", 45.1, 5.2, 210, 1_767_620_158)
TRUSTED = KeyRow(ALICE, key(1), KeySource.NODEDB, KeyStatus.TRUSTED, 10, 11)
PENDING = KeyRow(ALICE, key(2), KeySource.NODEINFO, KeyStatus.PENDING, 12, 12)


@pytest.fixture
def store(database):
    return NodeStore(database)


def changes(*rows):
    found = Changes()
    for row in rows:
        if isinstance(row, NodeRow):
            found.nodes[row.num] = row
        elif isinstance(row, KeyRow):
            found.keys[row.num, row.public_key] = row
        elif isinstance(row, IdentityRow):
            found.identities[row.old_num, row.new_num] = row
        else:
            found.imports[row.digest] = row
    return found


def stored_keys(database):
    with database.transaction() as connection:
        return [
            tuple(row) for row in connection.execute(text("SELECT public_key, status, first_seen FROM public_keys"))
        ]


def test_an_empty_database_gives_an_empty_snapshot(store):
    assert store.load() == Snapshot()


def test_rows_come_back_as_they_were_saved(store):
    bob = NodeRow(0xFFFFFFFE)
    store.save(changes(ALICE_ROW, bob, TRUSTED, PENDING, ImportRow("d" * 64, "/x.json", 5)))
    assert store.load() == Snapshot(
        nodes={ALICE: ALICE_ROW, bob.num: bob},
        trusted={ALICE: TRUSTED},
        pending={ALICE: [PENDING]},
        imported={"d" * 64},
    )


def test_a_saved_row_replaces_the_one_before(store):
    store.save(changes(ALICE_ROW))
    renamed = replace(ALICE_ROW, long_name="Alicia", latitude=None)
    store.save(changes(renamed))
    assert store.load().nodes == {ALICE: renamed}


def test_a_dropped_key_is_deleted_and_may_come_back(store):
    store.save(changes(ALICE_ROW, TRUSTED, PENDING))
    dropping = Changes()
    dropping.drop(PENDING)
    assert len(dropping) == 1
    store.save(dropping)
    assert store.load().pending == {}
    dropping.update(changes(PENDING))
    store.save(dropping)
    assert store.load().pending == {ALICE: [PENDING]}


def test_a_new_trusted_key_replaces_the_old_in_one_transaction(store, database):
    store.save(changes(ALICE_ROW, TRUSTED, PENDING))
    newly_trusted = replace(PENDING, status=KeyStatus.TRUSTED)
    store.save(changes(newly_trusted, replace(TRUSTED, status=KeyStatus.SUPERSEDED)))
    assert store.load().trusted == {ALICE: newly_trusted}
    assert sorted(stored_keys(database)) == [(key(1), "superseded", 10), (key(2), "trusted", 12)]


def test_when_a_key_was_first_seen_never_changes(store, database):
    store.save(changes(ALICE_ROW, TRUSTED))
    store.save(changes(replace(TRUSTED, first_seen=99)))
    assert stored_keys(database) == [(key(1), "trusted", 10)]


def test_a_refused_second_trusted_key_is_logged_and_others_are_saved(store, caplog):
    store.save(changes(ALICE_ROW, TRUSTED))
    others = [KeyRow(num, key(num), KeySource.NODEDB, KeyStatus.TRUSTED, 1, 1) for num in range(1, 8)]
    nodes = [NodeRow(row.num) for row in others]
    mark = ImportRow("d" * 64, "/x.json", 5)
    renamed = replace(ALICE_ROW, long_name="Alicia")
    store.save(changes(renamed, *nodes, *others, replace(PENDING, status=KeyStatus.TRUSTED), mark))
    assert store.load() == Snapshot(
        nodes={ALICE: renamed} | {row.num: row for row in nodes},
        trusted={ALICE: TRUSTED} | {row.num: row for row in others},
        imported={mark.digest},
    )
    (line,) = caplog.messages
    label = f"{text_of(key(2))[:8]}… de !{ALICE:08x}"
    assert line.startswith(f"⚠️ Base de données: clé publique {label} non gardé: ligne refusée")


def test_a_key_without_its_node_is_refused_alone(store, caplog):
    store.save(changes(TRUSTED, NodeRow(BOB)))
    assert store.load() == Snapshot(nodes={BOB: NodeRow(BOB)})
    assert len(caplog.messages) == 1


def test_a_fault_of_the_database_is_none_of_a_row_s(store, database):
    with database.transaction() as connection:
        connection.execute(text("DROP TABLE public_keys"))
    with pytest.raises(StorageError):
        store.save(changes(ALICE_ROW, TRUSTED))
    assert database.generation == 1


@pytest.mark.parametrize("bad", [replace(TRUSTED, public_key=b"short"), replace(TRUSTED, num=BOB)])
def test_the_database_itself_refuses_short_keys_and_keys_without_a_node(store, bad, caplog):
    store.save(changes(ALICE_ROW, bad))
    assert "constraint" in caplog.text
    assert store.load() == Snapshot(nodes={ALICE: ALICE_ROW})


def test_a_batch_is_one_transaction_and_nothing_to_write_is_none(store, database):
    begun = []
    event.listen(database.backend.writer, "begin", begun.append)
    store.save(Changes())
    assert begun == []
    store.save(changes(*(NodeRow(num) for num in range(1, 500)), ALICE_ROW, TRUSTED))
    assert len(begun) == 1


def test_newer_changes_win():
    older = changes(ALICE_ROW, TRUSTED)
    older.update(changes(replace(ALICE_ROW, role=""), NodeRow(BOB)))
    assert older == changes(replace(ALICE_ROW, role=""), NodeRow(BOB), TRUSTED)
    assert len(older) == 3
    assert not Changes()


PAIR = IdentityRow(ALICE, 7, key(1), 10, 20, None, 30)


def test_numbers_of_one_node_come_back_as_they_were_saved(store):
    store.save(changes(PAIR))
    assert store.load().identities == [PAIR]
    parted = replace(PAIR, heard_at=99, joined_at=None)
    store.save(changes(parted))
    assert store.load().identities == [parted]


@pytest.mark.parametrize("evicted", [ALICE, 7])
def test_numbers_go_with_either_of_their_nodes(store, evicted):
    other = replace(PAIR, old_num=BOB, new_num=8)
    store.save(changes(PAIR, other))
    gone = changes(PAIR)
    gone.evict([evicted])
    assert not gone.identities
    store.save(gone)
    assert store.load().identities == [other]


def test_a_pair_that_is_refused_keeps_nothing_else_from_the_database(store, caplog):
    store.save(changes(ALICE_ROW, TRUSTED, PAIR, replace(PAIR, old_num=BOB, public_key=None)))
    assert store.load() == Snapshot({ALICE: ALICE_ROW}, {ALICE: TRUSTED}, identities=[PAIR])
    assert [line for line in caplog.messages if "changement de numéro !20001ef0 → !00000007 non gardé" in line]
